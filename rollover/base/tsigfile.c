/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/tsigfile.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* ---- what a key may be --------------------------------------------------------------- */

enum outcome tsigfile_algorithm(const char *algorithm, char out[TSIGFILE_ALGORITHM_MAX],
                                struct err *err)
{
    static const char *const known[] = {"hmac-sha256", "hmac-sha512", "hmac-sha1"};
    size_t len = strlen(algorithm);
    if (len > 0 && algorithm[len - 1] == '.')
        len--;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (len == strlen(known[i]) && strncasecmp(algorithm, known[i], len) == 0) {
            (void)text_format(out, TSIGFILE_ALGORITHM_MAX, "%s", known[i]);
            return OUT_OK;
        }
    }
    return err_set(err, OUT_REFUSED,
                   "the TSIG algorithm cannot be used: make a key with hmac-sha256, hmac-sha512 or "
                   "hmac-sha1 (tsig-keygen -a hmac-sha256 NAME)");
}

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
    return n % 4 == 0 && pads <= 2 && n >= 16 && n <= TSIGFILE_SECRET_MAX;
}

enum outcome tsigfile_secret(const char *secret, struct err *err)
{
    if (secret_ok(secret))
        return OUT_OK;
    return err_set(err, OUT_REFUSED,
                   "the secret is not base64 of at least 10 octets: make a key with tsig-keygen");
}

/* ---- the file's text ----------------------------------------------------------------- */

struct parser {
    const char *at;
    const char *origin;
    int line;
    char token[TSIGFILE_SECRET_MAX + 1];
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
    char what_text[64];
    enum outcome out = next(parser, err);
    if (out != OUT_OK || (!parser->quoted && strcmp(parser->token, what) == 0))
        return out;
    (void)text_format(what_text, sizeof what_text, "\"%s\" is missing", what);
    return complain(parser, what_text, err);
}

/* A word into `out`, which must be empty still. */
static enum outcome word(struct parser *parser, char *out, size_t size, struct err *err)
{
    enum outcome res = next(parser, err);
    if (res != OUT_OK)
        return res;
    if (parser->token[0] == '\0' || (!parser->quoted && strchr("{};", parser->token[0]) != NULL))
        return complain(parser, "a value is missing", err);
    if (out[0] != '\0')
        return complain(parser, "this is given twice", err);
    if (!text_format(out, size, "%s", parser->token))
        return complain(parser, "a word that is too long", err);
    return OUT_OK;
}

/* Prepends where it is to a refusal of the word just read. */
static enum outcome located(const struct parser *parser, enum outcome res, struct err *err)
{
    if (res != OUT_OK)
        err_prepend(err, "%s:%d", parser->origin, parser->line);
    return res;
}

static enum outcome algorithm_word(struct parser *parser, struct tsigfile *out, struct err *err)
{
    enum outcome rc = word(parser, out->algorithm, sizeof out->algorithm, err);
    if (rc == OUT_OK)
        rc = located(parser, tsigfile_algorithm(parser->token, out->algorithm, err), err);
    return rc;
}

static enum outcome secret_word(struct parser *parser, struct tsigfile *out, struct err *err)
{
    enum outcome rc = word(parser, out->secret, sizeof out->secret, err);
    return rc == OUT_OK ? located(parser, tsigfile_secret(out->secret, err), err) : rc;
}

static enum outcome statements(struct parser *parser, struct tsigfile *out, struct err *err)
{
    for (;;) {
        enum outcome rc = next(parser, err);
        if (rc != OUT_OK)
            return rc;
        if (!parser->quoted && strcmp(parser->token, "}") == 0)
            return OUT_OK;
        if (!parser->quoted && strcmp(parser->token, "algorithm") == 0)
            rc = algorithm_word(parser, out, err);
        else if (!parser->quoted && strcmp(parser->token, "secret") == 0)
            rc = secret_word(parser, out, err);
        else
            return complain(parser, "neither algorithm nor secret", err);
        if (rc == OUT_OK)
            rc = expect(parser, ";", err);
        if (rc != OUT_OK)
            return rc;
    }
}

static enum outcome whole(struct parser *parser, struct tsigfile *out, struct err *err)
{
    enum outcome rc = expect(parser, "key", err);
    if (rc == OUT_OK)
        rc = word(parser, out->name, sizeof out->name, err);
    out->name_line = parser->line;
    if (rc == OUT_OK)
        rc = expect(parser, "{", err);
    if (rc == OUT_OK)
        rc = statements(parser, out, err);
    if (rc == OUT_OK)
        rc = expect(parser, ";", err);
    if (rc == OUT_OK)
        rc = next(parser, err);
    if (rc == OUT_OK && (parser->quoted || parser->token[0] != '\0'))
        rc = complain(parser, "something follows the key: one key a file", err);
    if (rc == OUT_OK && (out->algorithm[0] == '\0' || out->secret[0] == '\0'))
        rc = complain(parser,
                      out->secret[0] == '\0' ? "the secret is missing" : "the algorithm is missing",
                      err);
    return rc;
}

enum outcome tsigfile_parse(const char *text, const char *origin, struct tsigfile *out,
                            struct err *err)
{
    struct parser parser = {.at = text, .origin = origin, .line = 1};
    memset(out, 0, sizeof *out);
    enum outcome rc = whole(&parser, out, err);
    text_wipe(parser.token, sizeof parser.token);
    if (rc != OUT_OK)
        text_wipe(out, sizeof *out);
    return rc;
}
