/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* One more reason, after what is there. */
static void add(char *text, size_t size, const char *more)
{
    size_t len = strlen(text);
    (void)snprintf(text + len, size - len, "%s%s", len > 0 ? "; " : "", more);
}

void unit_tell(const struct unit *u)
{
    const struct engine_world *w = u->world;
    char trouble[2 * ERR_TEXT_MAX] = "", more[SAY_MAX], fate[SAY_MAX];
    if (w->notice == NULL)
        return;
    if (u->st.facts.frozen != 0) {
        (void)snprintf(trouble, sizeof trouble, "frozen: ");
        say_causes(u->st.facts.frozen, trouble + strlen(trouble), sizeof trouble - strlen(trouble));
    }
    if (u->said_trouble[0] != '\0')
        add(trouble, sizeof trouble, u->said_trouble);
    if (u->rejected[0] != '\0')
        add(trouble, sizeof trouble, u->rejected);
    if (say_rejected(&u->st, more, sizeof more))
        add(trouble, sizeof trouble, more);
    if (say_overdue(&u->st, &u->cfg->policy, u->now, more, sizeof more))
        add(trouble, sizeof trouble, more);
    say_fate(&u->st, &u->cfg->policy, u->now, fate, sizeof fate);
    w->notice->tell(w->notice_self, u->cfg->name, trouble[0] != '\0' ? trouble : NULL, fate);
}
