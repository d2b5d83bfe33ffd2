/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/note.h"

#include <string.h>

static enum outcome note_name(const struct acme_config *config, const char *what, const uint8_t *id,
                              char out[PORT_NOTE_NAME_MAX], struct err *err)
{
    char hex[2 * MODEL_ID_LEN + 1] = "";
    if (id != NULL)
        (void)text_hex(hex, sizeof hex, id, MODEL_ID_LEN);
    if (!text_format(out, PORT_NOTE_NAME_MAX, "acme/%s/%s%s%s", config->title, what,
                     id != NULL ? "/" : "", hex))
        return err_set(err, OUT_REFUSED,
                       "acme \"%.60s...\": this title is too long to keep notes under; shorten it",
                       config->title);
    return OUT_OK;
}

enum outcome note_get(const struct acme_config *config, const struct acme_ports *ports,
                      const char *what, const uint8_t *id, char out[PORT_NOTE_MAX], struct err *err)
{
    char name[PORT_NOTE_NAME_MAX];
    out[0] = '\0';
    enum outcome res = note_name(config, what, id, name, err);
    return res == OUT_OK ? ports->notes->get(ports->notes_self, name, out, PORT_NOTE_MAX, err)
                         : res;
}

enum outcome note_put(const struct acme_config *config, const struct acme_ports *ports,
                      const char *what, const uint8_t *id, const char *text, struct err *err)
{
    char name[PORT_NOTE_NAME_MAX];
    enum outcome res = note_name(config, what, id, name, err);
    return res == OUT_OK ? ports->notes->put(ports->notes_self, name, text, err) : res;
}

bool note_line(const char **at, char word[NOTE_WORD_MAX], const char **rest, size_t *len)
{
    while (**at != '\0') {
        const char *line = *at;
        size_t all = strcspn(line, "\n");
        size_t first = strcspn(line, " \n");
        *at = line + all + (line[all] == '\n' ? 1 : 0);
        if (first == 0 || first >= NOTE_WORD_MAX)
            continue;
        memcpy(word, line, first);
        word[first] = '\0';
        *rest = line + first + (first < all ? 1 : 0);
        *len = (size_t)(line + all - *rest);
        return true;
    }
    return false;
}

bool note_copy(const char *rest, size_t len, char *out, size_t size)
{
    if (len >= size)
        return false;
    memcpy(out, rest, len);
    out[len] = '\0';
    return true;
}

bool note_number(const char *rest, size_t len, int64_t *out)
{
    char text[32];
    struct err ignored = ERR_INIT;
    return note_copy(rest, len, text, sizeof text) &&
           text_number(text, 0, INT64_MAX / 2, out, &ignored) == OUT_OK;
}
