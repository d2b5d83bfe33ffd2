/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/tsigkey.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "dns/wire.h"

#define TOKEN_MAX (TSIGKEY_SECRET_MAX + 1)

void tsigkey_free(struct tsigkey **key)
{
    if (*key == NULL)
        return;
    if ((*key)->secret != NULL)
        text_wipe((*key)->secret, strlen((*key)->secret));
    free((*key)->secret);
    free((*key)->name);
    free((*key)->algorithm);
    free((*key)->origin);
    free(*key);
    *key = NULL;
}

/* ---- from parts ---------------------------------------------------------------------- */

static enum outcome check_algorithm(const char *algorithm, const char *origin, const char **full,
                                    struct err *err)
{
    static const struct {
        const char *name, *full;
    } known[] = {
        {"hmac-sha256", "hmac-sha256."},
        {"hmac-sha512", "hmac-sha512."},
        {"hmac-sha1", "hmac-sha1."},
    };
    size_t len = strlen(algorithm);
    if (len > 0 && algorithm[len - 1] == '.')
        len--;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (len == strlen(known[i].name) && strncasecmp(algorithm, known[i].name, len) == 0) {
            *full = known[i].full;
            return OUT_OK;
        }
    }
    return err_set(err, OUT_REFUSED,
                   "%s: the TSIG algorithm \"%.40s\" cannot be used: make a key with hmac-sha256 "
                   "or hmac-sha512 (tsig-keygen -a hmac-sha256 NAME)",
                   origin, algorithm);
}

/* Base64 of at least 8 octets; never in a message. */
static bool secret_ok(const char *secret)
{
    size_t n = 0;
    size_t pads = 0;
    for (; secret[n] != '\0'; n++) {
        bool letter = isalnum((unsigned char)secret[n]) || secret[n] == '+' || secret[n] == '/';
        if (secret[n] == '=')
            pads++;
        else if (!letter || pads > 0)
            return false;
    }
    return n % 4 == 0 && pads <= 2 && n >= 12 && n <= TSIGKEY_SECRET_MAX;
}

enum outcome tsigkey_new(const char *name, const char *algorithm, const char *secret,
                         const char *origin, struct tsigkey **out, struct err *err)
{
    char clean[PORT_NAME_MAX];
    const char *full = NULL;
    *out = NULL;
    enum outcome res = wire_name_clean(name, clean, err);
    if (res != OUT_OK) {
        err_prepend(err, "%s: the TSIG key's name", origin);
        return res;
    }
    res = check_algorithm(algorithm, origin, &full, err);
    if (res != OUT_OK)
        return res;
    if (!secret_ok(secret))
        return err_set(err, OUT_REFUSED,
                       "%s: the secret of the TSIG key \"%s\" is not base64 of at least 8 octets",
                       origin, name);
    struct tsigkey *key = calloc(1, sizeof *key);
    if (key == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    key->name = strdup(clean);
    key->algorithm = strdup(full);
    key->secret = strdup(secret);
    key->origin = strdup(origin);
    if (key->name == NULL || key->algorithm == NULL || key->secret == NULL || key->origin == NULL) {
        tsigkey_free(&key);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    *out = key;
    return OUT_OK;
}

/* ---- the file's text ----------------------------------------------------------------- */

struct parser {
    const char *at;
    const char *origin;
    int line;
    char token[TOKEN_MAX];
    bool quoted;
};

static enum outcome complain(const struct parser *parser, const char *what, struct err *err)
{
    return err_set(err, OUT_REFUSED,
                   "%s:%d: %s; a key file reads: key \"NAME\" { algorithm hmac-sha256; secret "
                   "\"BASE64\"; };",
                   parser->origin, parser->line, what);
}

/* Blanks and comments. False: a comment without an end. */
static bool skip_blank(struct parser *parser)
{
    for (;;) {
        const char *p = parser->at;
        if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
            parser->at += strcspn(p, "\n");
        } else if (p[0] == '/' && p[1] == '*') {
            const char *end = strstr(p + 2, "*/");
            if (end == NULL)
                return false;
            for (; p < end; p++)
                parser->line += *p == '\n';
            parser->at = end + 2;
        } else if (*p != '\0' && strchr(" \t\r\n", *p) != NULL) {
            parser->line += *p == '\n';
            parser->at++;
        } else {
            return true;
        }
    }
}

/* One of { } ; or a word, or a quoted word. An empty unquoted token is the end. */
static enum outcome next(struct parser *parser, struct err *err)
{
    parser->token[0] = '\0';
    parser->quoted = false;
    if (!skip_blank(parser))
        return complain(parser, "a comment that never ends", err);
    const char *from = parser->at;
    size_t len;
    if (*from == '\0')
        return OUT_OK;
    if (*from == '"') {
        from++;
        len = strcspn(from, "\"\n");
        if (from[len] != '"')
            return complain(parser, "a quote that is not closed", err);
        parser->at = from + len + 1;
        parser->quoted = true;
    } else {
        len = strchr("{};", *from) != NULL ? 1 : strcspn(from, " \t\r\n{};\"");
        parser->at = from + len;
    }
    if (len >= sizeof parser->token)
        return complain(parser, "a word that is too long", err);
    memcpy(parser->token, from, len);
    parser->token[len] = '\0';
    return OUT_OK;
}

static enum outcome expect(struct parser *parser, const char *what, struct err *err)
{
    char text[64];
    enum outcome out = next(parser, err);
    if (out != OUT_OK || (!parser->quoted && strcmp(parser->token, what) == 0))
        return out;
    (void)snprintf(text, sizeof text, "\"%s\" is missing", what);
    return complain(parser, text, err);
}

/* A word into `out`, which must be empty still. */
static enum outcome word(struct parser *parser, char **out, struct err *err)
{
    enum outcome res = next(parser, err);
    if (res != OUT_OK)
        return res;
    if (parser->token[0] == '\0' || (!parser->quoted && strchr("{};", parser->token[0]) != NULL))
        return complain(parser, "a value is missing", err);
    if (*out != NULL)
        return complain(parser, "this is given twice", err);
    *out = strdup(parser->token);
    return *out != NULL ? OUT_OK : err_set(err, OUT_BROKEN, "out of memory");
}

static enum outcome statements(struct parser *parser, char **algorithm, char **secret,
                               struct err *err)
{
    for (;;) {
        enum outcome out = next(parser, err);
        if (out != OUT_OK)
            return out;
        if (!parser->quoted && strcmp(parser->token, "}") == 0)
            return OUT_OK;
        if (!parser->quoted && strcmp(parser->token, "algorithm") == 0)
            out = word(parser, algorithm, err);
        else if (!parser->quoted && strcmp(parser->token, "secret") == 0)
            out = word(parser, secret, err);
        else
            return complain(parser, "neither algorithm nor secret", err);
        if (out == OUT_OK)
            out = expect(parser, ";", err);
        if (out != OUT_OK)
            return out;
    }
}

static enum outcome whole(struct parser *parser, char **name, char **algorithm, char **secret,
                          struct err *err)
{
    enum outcome out = expect(parser, "key", err);
    if (out == OUT_OK)
        out = word(parser, name, err);
    if (out == OUT_OK)
        out = expect(parser, "{", err);
    if (out == OUT_OK)
        out = statements(parser, algorithm, secret, err);
    if (out == OUT_OK)
        out = expect(parser, ";", err);
    if (out == OUT_OK)
        out = next(parser, err);
    if (out == OUT_OK && (parser->quoted || parser->token[0] != '\0'))
        out = complain(parser, "something follows the key: one key a file", err);
    if (out == OUT_OK && (*algorithm == NULL || *secret == NULL))
        out = complain(parser, "algorithm or secret is missing", err);
    return out;
}

enum outcome tsigkey_parse(const char *text, const char *origin, struct tsigkey **out,
                           struct err *err)
{
    struct parser parser = {.at = text, .origin = origin, .line = 1};
    char *name = NULL;
    char *algorithm = NULL;
    char *secret = NULL;
    *out = NULL;
    enum outcome res = whole(&parser, &name, &algorithm, &secret, err);
    if (res == OUT_OK)
        res = tsigkey_new(name, algorithm, secret, origin, out, err);
    if (secret != NULL)
        text_wipe(secret, strlen(secret));
    text_wipe(parser.token, sizeof parser.token);
    free(name);
    free(algorithm);
    free(secret);
    return res;
}

/* ---- the file ------------------------------------------------------------------------ */

enum outcome tsigkey_read(const char *path, struct tsigkey **out, struct err *err)
{
    const struct file_rule rule = {.mode = FILE_GROUP_READER, .owner = FILE_NO_OWNER};
    char *data = NULL;
    size_t len = 0;
    *out = NULL;
    enum outcome res = file_read(path, rule, TSIGKEY_FILE_MAX, &data, &len, err);
    if (res != OUT_OK) {
        err_prepend(err, "the TSIG key");
        return res == OUT_NOT_YET ? OUT_REFUSED : res;
    }
    if (strlen(data) != len)
        res = err_set(err, OUT_REFUSED, "the TSIG key %s is not a text file", path);
    else
        res = tsigkey_parse(data, path, out, err);
    text_wipe(data, len);
    free(data);
    return res;
}
