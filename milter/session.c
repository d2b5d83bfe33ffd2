/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/session.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static const char *const names[SESSION_TLS_N] = {
    [SESSION_PLAIN] = "none",    [SESSION_TLS10] = "TLSv1",   [SESSION_TLS11] = "TLSv1.1",
    [SESSION_TLS12] = "TLSv1.2", [SESSION_TLS13] = "TLSv1.3", [SESSION_TLS_OTHER] = "other",
};

static void add(atomic_uint_fast64_t *counter)
{
    (void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void session_begin(struct session *s, struct session_counts *counts)
{
    memset(s, 0, sizeof *s);
    add(&counts->open);
}

void session_helo(struct session *s, const char *tls_version)
{
    s->helo = true;
    if (tls_version == NULL || tls_version[0] == '\0') {
        s->tls = SESSION_PLAIN;
        return;
    }
    s->tls = SESSION_TLS_OTHER;
    for (int t = SESSION_TLS10; t <= SESSION_TLS13; t++) {
        if (strcmp(tls_version, names[t]) == 0)
            s->tls = (enum session_tls)t;
    }
}

void session_mail(struct session *s)
{
    s->mail = true;
}

void session_end(const struct session *s, struct session_counts *counts)
{
    (void)atomic_fetch_sub_explicit(&counts->open, 1, memory_order_relaxed);
    add(&counts->total);
    if (!s->helo)
        add(&counts->silent);
    else
        add(&counts->tls[s->tls]);
    if (s->helo && s->mail)
        add(&counts->mail[s->tls]);
}

const char *session_tls_name(enum session_tls tls)
{
    return names[tls];
}

static void add_group(struct text *t, const char *name, const struct session_counts *c, bool mail)
{
    text_add(t, ", \"%s\": {", name);
    for (int i = 0; i < SESSION_TLS_N; i++) {
        uint64_t with = get(&c->mail[i]), all = get(&c->tls[i]);
        uint64_t n = mail ? with : all - (with < all ? with : all);
        text_add(t, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", names[i], n);
    }
    text_add(t, "}");
}

bool session_json(const struct session_counts *counts, char *out, size_t size)
{
    struct text t;
    text_init(&t, out, size);
    text_add(&t, "\"sessions\": {\"open\": %" PRIu64 ", \"total\": %" PRIu64, get(&counts->open),
             get(&counts->total));
    text_add(&t, ", \"silent\": %" PRIu64, get(&counts->silent));
    add_group(&t, "mail", counts, true);
    add_group(&t, "no_mail", counts, false);
    text_add(&t, "}");
    if (!t.cut)
        return true;
    out[0] = '\0';
    return false;
}
