/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/ordernote.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- as text ------------------------------------------------------------------------------ */

static bool ordernote_print(const struct ordernote *note, char out[PORT_NOTE_MAX])
{
    char hex[2 * MODEL_ID_LEN + 1];
    struct text text;
    (void)text_hex(hex, sizeof hex, note->names, MODEL_ID_LEN);
    text_init(&text, out, PORT_NOTE_MAX);
    text_add(&text,
             "order %s\naccount %s\nnames %s\nmade %" PRId64 "\ncounted %d\nlate %" PRId64 "\n",
             note->url, note->account, hex, note->made, note->counted ? 1 : 0, note->late);
    for (size_t i = 0; i < note->n; i++)
        text_add(&text, "record %s %s\n", note->records[i].owner, note->records[i].value);
    return !text.cut;
}

static bool ordernote_read_record(const char *rest, size_t len, struct ordernote *out)
{
    const char *space = memchr(rest, ' ', len);
    struct ordernote_record *one = &out->records[out->n];
    if (space == NULL || out->n == PORT_NAMES_MAX ||
        !note_copy(rest, (size_t)(space - rest), one->owner, sizeof one->owner) ||
        !note_copy(space + 1, len - (size_t)(space - rest) - 1, one->value, sizeof one->value))
        return false;
    out->n++;
    return true;
}

static bool ordernote_read_line(const char *word, const char *rest, size_t len,
                                struct ordernote *out)
{
    char hex[2 * MODEL_ID_LEN + 1];
    int64_t number = 0;
    if (strcmp(word, "order") == 0)
        return note_copy(rest, len, out->url, sizeof out->url);
    if (strcmp(word, "account") == 0)
        return note_copy(rest, len, out->account, sizeof out->account);
    if (strcmp(word, "names") == 0)
        return note_copy(rest, len, hex, sizeof hex) && text_unhex(hex, out->names, MODEL_ID_LEN);
    if (strcmp(word, "made") == 0)
        return note_number(rest, len, &out->made);
    if (strcmp(word, "late") == 0)
        return note_number(rest, len, &out->late);
    if (strcmp(word, "record") == 0)
        return ordernote_read_record(rest, len, out);
    if (strcmp(word, "counted") == 0) {
        bool good = note_number(rest, len, &number);
        out->counted = number != 0;
        return good;
    }
    return true;
}

/* Records are kept whatever else is wrong: they have to be removed. */
static bool ordernote_parse(const char *text, struct ordernote *out)
{
    char word[NOTE_WORD_MAX];
    const char *rest = NULL;
    size_t len = 0;
    bool good = true;
    memset(out, 0, sizeof *out);
    while (note_line(&text, word, &rest, &len))
        good = ordernote_read_line(word, rest, len, out) && good;
    return good && (out->url[0] == '\0' || doc_is_url(out->url));
}

static enum outcome ordernote_get(const struct acme_config *config, const struct acme_ports *ports,
                                  const char *what, const uint8_t *id, struct ordernote *out,
                                  struct err *err)
{
    memset(out, 0, sizeof *out);
    char *text = malloc(PORT_NOTE_MAX);
    if (text == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = note_get(config, ports, what, id, text, err);
    if (res == OUT_OK && !ordernote_parse(text, out))
        out->url[0] = '\0';
    free(text);
    return res;
}

static enum outcome ordernote_put(const struct acme_config *config, const struct acme_ports *ports,
                                  const char *what, const uint8_t *id, const struct ordernote *note,
                                  struct err *err)
{
    if (note->url[0] == '\0' && note->n == 0)
        return note_put(config, ports, what, id, NULL, err);
    char *text = malloc(PORT_NOTE_MAX);
    if (text == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res =
        ordernote_print(note, text)
            ? note_put(config, ports, what, id, text, err)
            : err_set(err, OUT_REFUSED,
                      "the challenge records of %zu names take more than %d octets to note: give "
                      "these names more than one certificate",
                      note->n, PORT_NOTE_MAX - 1);
    free(text);
    return res;
}

enum outcome ordernote_load(const struct acme_config *config, const struct acme_ports *ports,
                            const uint8_t spki[MODEL_ID_LEN], struct ordernote *out,
                            struct err *err)
{
    return ordernote_get(config, ports, "order", spki, out, err);
}

enum outcome ordernote_save(const struct acme_config *config, const struct acme_ports *ports,
                            const uint8_t spki[MODEL_ID_LEN], const struct ordernote *note,
                            struct err *err)
{
    return ordernote_put(config, ports, "order", spki, note, err);
}

/* ---- records ------------------------------------------------------------------------------ */

enum outcome ordernote_add(struct ordernote *note, const char *owner, const char *value,
                           struct err *err)
{
    for (size_t i = 0; i < note->n; i++) {
        if (strcmp(note->records[i].owner, owner) == 0 &&
            strcmp(note->records[i].value, value) == 0)
            return OUT_OK;
    }
    if (note->n == PORT_NAMES_MAX)
        return err_set(err, OUT_REFUSED, "more than %d challenge records", PORT_NAMES_MAX);
    struct ordernote_record *one = &note->records[note->n];
    if (!text_format(one->owner, sizeof one->owner, "%s", owner) ||
        !text_format(one->value, sizeof one->value, "%s", value))
        return err_set(err, OUT_REFUSED, "the challenge's owner %.100s... is too long", owner);
    note->n++;
    return OUT_OK;
}

/* Removes what can be removed; the others stay in the list. */
static size_t ordernote_remove(const struct acme_ports *ports, struct ordernote *note,
                               struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < note->n; i++) {
        struct ordernote_record *one = &note->records[i];
        struct err why = ERR_INIT;
        if (ports->challenge->drop(ports->challenge_self, one->owner, one->value, &why) == OUT_OK)
            continue;
        (void)err_set(err, OUT_RETRY, "%s: %s", one->owner, why.text);
        if (kept != i)
            note->records[kept] = *one;
        kept++;
    }
    note->n = kept;
    return kept;
}

enum outcome ordernote_drop(const struct acme_config *config, const struct acme_ports *ports,
                            struct ordernote *note, size_t *failed, struct err *err)
{
    struct err why = ERR_INIT;
    *failed = ordernote_remove(ports, note, &why);
    if (*failed == 0)
        return OUT_OK;
    struct ordernote *left = malloc(sizeof *left);
    if (left == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = ordernote_get(config, ports, "leftover", NULL, left, err);
    if (res == OUT_OK || res == OUT_NOT_YET) {
        res = OUT_OK;
        left->url[0] = '\0';
        for (size_t i = 0; i < note->n && res == OUT_OK; i++)
            res = ordernote_add(left, note->records[i].owner, note->records[i].value, err);
        if (res == OUT_OK)
            res = ordernote_put(config, ports, "leftover", NULL, left, err);
    }
    free(left);
    if (res == OUT_OK) {
        note->n = 0;
        *err = why;
    }
    return res;
}

enum outcome ordernote_sweep(const struct acme_config *config, const struct acme_ports *ports,
                             struct err *err)
{
    struct err why = ERR_INIT;
    struct ordernote *left = malloc(sizeof *left);
    if (left == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = ordernote_get(config, ports, "leftover", NULL, left, err);
    if (res == OUT_OK) {
        size_t before = left->n;
        left->url[0] = '\0';
        if (before == 0 || ordernote_remove(ports, left, &why) < before)
            res = ordernote_put(config, ports, "leftover", NULL, left, err);
    }
    free(left);
    return res == OUT_NOT_YET ? OUT_OK : res;
}

/* ---- names ---------------------------------------------------------------------------------- */

static size_t ordernote_length(const char *name)
{
    size_t len = strnlen(name, PORT_NAME_MAX);
    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

static int ordernote_compare(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    size_t m = ordernote_length(*x);
    size_t n = ordernote_length(*y);
    int order = strncasecmp(*x, *y, m < n ? m : n);
    return order != 0 ? order : (m > n) - (m < n);
}

enum outcome ordernote_names(const struct port_order *order, uint8_t names[MODEL_ID_LEN],
                             uint8_t both[MODEL_ID_LEN], struct err *err)
{
    const char *sorted[PORT_NAMES_MAX];
    uint8_t pair[2 * MODEL_ID_LEN];
    if (order->n_names == 0 || order->n_names > PORT_NAMES_MAX)
        return err_set(err, OUT_REFUSED, "%zu names: a certificate takes 1 to %d", order->n_names,
                       PORT_NAMES_MAX);
    char *text = calloc(order->n_names, PORT_NAME_MAX + 1);
    if (text == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    size_t len = 0;
    memcpy(sorted, order->names, order->n_names * sizeof sorted[0]);
    qsort(sorted, order->n_names, sizeof sorted[0], ordernote_compare);
    for (size_t i = 0; i < order->n_names; i++) {
        for (size_t k = 0; k < ordernote_length(sorted[i]); k++) {
            char c = sorted[i][k];
            text[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
        text[len++] = '\n';
    }
    enum outcome res = jws_sha256(text, len, names, err);
    free(text);
    if (res != OUT_OK)
        return res;
    memcpy(pair, order->spki, MODEL_ID_LEN);
    memcpy(pair + MODEL_ID_LEN, names, MODEL_ID_LEN);
    return jws_sha256(pair, sizeof pair, both, err);
}
