/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/keyfile.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/names.h"

#define KEYFILE_WORD_MAX 512

/* A reader of BIND's words: bare ones, quoted ones, and the signs { } ; */
struct keyfile_scan {
    const char *path;
    const char *at;
    int line;
    bool quoted; /* the last word was */
    char word[KEYFILE_WORD_MAX];
    struct err *err;
};

static enum outcome keyfile_no(struct keyfile_scan *s, const char *why)
{
    return err_set(s->err, OUT_REFUSED, "%s:%d: %s", s->path, s->line, why);
}

/* Passes over white space and comments: #, //, and C's. */
static enum outcome keyfile_space(struct keyfile_scan *s)
{
    for (;;) {
        if (*s->at == '\n')
            s->line++;
        if (*s->at != '\0' && strchr(" \t\r\n", *s->at) != NULL) {
            s->at++;
        } else if (*s->at == '#' || strncmp(s->at, "//", 2) == 0) {
            s->at += strcspn(s->at, "\n");
        } else if (strncmp(s->at, "/*", 2) == 0) {
            const char *end = strstr(s->at + 2, "*/");
            if (end == NULL)
                return keyfile_no(s, "this comment does not end");
            for (; s->at < end + 2; s->at++)
                s->line += *s->at == '\n' ? 1 : 0;
        } else {
            return OUT_OK;
        }
    }
}

/* The next word or sign; an empty unquoted word at the end. */
static enum outcome keyfile_next(struct keyfile_scan *s)
{
    enum outcome out = keyfile_space(s);
    if (out != OUT_OK)
        return out;
    size_t n = 0;
    s->quoted = *s->at == '"';
    if (s->quoted) {
        s->at++;
        n = strcspn(s->at, "\"\n");
        if (s->at[n] != '"')
            return keyfile_no(s, "a string does not end on its line");
    } else if (*s->at != '\0' && strchr("{};", *s->at) != NULL) {
        n = 1;
    } else {
        n = strcspn(s->at, " \t\r\n{};\"#");
    }
    if (n >= sizeof s->word)
        return keyfile_no(s, "a word is too long for a TSIG key");
    memcpy(s->word, s->at, n);
    s->word[n] = '\0';
    s->at += n + (s->quoted ? 1 : 0);
    return OUT_OK;
}

static enum outcome keyfile_expect(struct keyfile_scan *s, const char *word)
{
    enum outcome out = keyfile_next(s);
    if (out == OUT_OK && (s->quoted || strcmp(s->word, word) != 0)) {
        char why[96];
        (void)text_format(why, sizeof why,
                          "\"%s\" is missing here: the form is key \"NAME\" { algorithm NAME; "
                          "secret \"BASE64\"; };",
                          word);
        out = keyfile_no(s, why);
    }
    return out;
}

enum outcome keyfile_set_name(const char *name, struct keyfile *out, struct err *err)
{
    return names_domain(name, NAMES_UNDERSCORE | NAMES_DOT, out->name, err);
}

enum outcome keyfile_set_algorithm(const char *algorithm, struct keyfile *out, struct err *err)
{
    static const char *const known[] = {"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384",
                                        "hmac-sha512"};
    char lower[sizeof out->algorithm];
    size_t len = strlen(algorithm);
    if (len > 0 && algorithm[len - 1] == '.')
        len--;
    if (len < sizeof lower) {
        for (size_t i = 0; i < len; i++)
            lower[i] = (char)(algorithm[i] >= 'A' && algorithm[i] <= 'Z' ? algorithm[i] + 32
                                                                         : algorithm[i]);
        lower[len] = '\0';
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (strcmp(lower, known[i]) == 0) {
                memcpy(out->algorithm, lower, len + 1);
                return OUT_OK;
            }
        }
    }
    /* the text itself is not shown: in a key file it may be the secret, misplaced */
    return err_set(err, OUT_REFUSED,
                   "no TSIG algorithm for us: use hmac-sha256 (or hmac-sha1, hmac-sha224, "
                   "hmac-sha384, hmac-sha512)");
}

/* Base64 (RFC 4648 section 4) of at least 10 octets. */
static enum outcome keyfile_set_secret(const char *secret, size_t len, struct keyfile *out)
{
    size_t pad = 0;
    if (len < 16 || len % 4 != 0 || len >= sizeof out->secret)
        return OUT_REFUSED;
    while (pad < 2 && secret[len - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < len - pad; i++) {
        char c = secret[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return OUT_REFUSED;
    }
    memcpy(out->secret, secret, len);
    out->secret[len] = '\0';
    return OUT_OK;
}

#define KEYFILE_BAD_SECRET                                                                         \
    "the secret is not base64 of at least 10 octets: make a key with tsig-keygen"

/* One "NAME value;" inside the braces, the name being read already. */
static enum outcome keyfile_clause(struct keyfile_scan *s, struct keyfile *out)
{
    bool algorithm = strcmp(s->word, "algorithm") == 0;
    if (!algorithm && strcmp(s->word, "secret") != 0)
        return keyfile_no(s, "only \"algorithm\" and \"secret\" can stand in a key");
    if ((algorithm ? out->algorithm : out->secret)[0] != '\0')
        return keyfile_no(s, algorithm ? "a second \"algorithm\"" : "a second \"secret\"");
    enum outcome res = keyfile_next(s);
    if (res != OUT_OK)
        return res;
    if (algorithm) {
        res = keyfile_set_algorithm(s->word, out, s->err);
        if (res != OUT_OK)
            err_prepend(s->err, "%s:%d", s->path, s->line);
    } else if (keyfile_set_secret(s->word, strlen(s->word), out) != OUT_OK) {
        res = keyfile_no(s, KEYFILE_BAD_SECRET);
    }
    return res == OUT_OK ? keyfile_expect(s, ";") : res;
}

static enum outcome keyfile_parse(struct keyfile_scan *s, struct keyfile *out)
{
    enum outcome res = keyfile_expect(s, "key");
    if (res == OUT_OK)
        res = keyfile_next(s);
    if (res == OUT_OK && keyfile_set_name(s->word, out, NULL) != OUT_OK)
        res = keyfile_no(s, "the key's name is not a domain name");
    if (res == OUT_OK)
        res = keyfile_expect(s, "{");
    while (res == OUT_OK) {
        res = keyfile_next(s);
        if (res != OUT_OK || strcmp(s->word, "}") == 0)
            break;
        res = keyfile_clause(s, out);
    }
    if (res == OUT_OK)
        res = keyfile_expect(s, ";");
    if (res == OUT_OK && (out->algorithm[0] == '\0' || out->secret[0] == '\0'))
        return keyfile_no(s, out->secret[0] == '\0' ? "the key has no secret"
                                                    : "the key has no algorithm");
    if (res == OUT_OK)
        res = keyfile_next(s);
    if (res == OUT_OK && (s->quoted || s->word[0] != '\0'))
        return keyfile_no(s, "something stands behind the key: a key file holds one key only");
    return res;
}

static enum outcome keyfile_load(const char *path, uid_t user, char **data, size_t *len,
                                 struct err *err)
{
    struct file_rule rule = {FILE_GROUP_READER, user};
    enum outcome out = file_read(path, rule, KEYFILE_MAX, data, len, err);
    if (out != OUT_OK) {
        *data = NULL;
        *len = 0;
        return out == OUT_NOT_YET ? OUT_REFUSED : out;
    }
    if (strlen(*data) == *len)
        return OUT_OK;
    text_wipe(*data, *len);
    free(*data);
    *data = NULL;
    return err_set(err, OUT_REFUSED, "%s holds a NUL: it is not a text file", path);
}

enum outcome keyfile_read(const char *path, uid_t user, struct keyfile *out, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    memset(out, 0, sizeof *out);
    enum outcome res = keyfile_load(path, user, &data, &len, err);
    if (res != OUT_OK)
        return res;
    struct keyfile_scan scan = {.path = path, .at = data, .line = 1, .err = err};
    res = keyfile_parse(&scan, out);
    text_wipe(&scan.word, sizeof scan.word);
    text_wipe(data, len);
    free(data);
    if (res != OUT_OK)
        text_wipe(out, sizeof *out);
    return res;
}

/* The only word of a file. `*begin` and `*n` are set within `data`, which keyfile_drop ends. */
static enum outcome keyfile_word(const char *path, uid_t user, char **data, size_t *len,
                                 size_t *begin, size_t *n, struct err *err)
{
    static const char space[] = " \t\r\n";
    enum outcome res = keyfile_load(path, user, data, len, err);
    if (res != OUT_OK)
        return res;
    *begin = strspn(*data, space);
    *n = strcspn(*data + *begin, space);
    const char *rest = *data + *begin + *n;
    if (rest[strspn(rest, space)] != '\0')
        return err_set(err, OUT_REFUSED,
                       "%s: more than one word: it must hold the secret and nothing else", path);
    return OUT_OK;
}

static void keyfile_drop(char **data, size_t len)
{
    if (*data != NULL)
        text_wipe(*data, len);
    free(*data);
    *data = NULL;
}

enum outcome keyfile_read_secret(const char *path, uid_t user, struct keyfile *out, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    size_t begin = 0;
    size_t n = 0;
    enum outcome res = keyfile_word(path, user, &data, &len, &begin, &n, err);
    if (res == OUT_OK && keyfile_set_secret(data + begin, n, out) != OUT_OK)
        res = err_set(err, OUT_REFUSED, "%s: %s", path, KEYFILE_BAD_SECRET);
    keyfile_drop(&data, len);
    return res;
}

enum outcome keyfile_read_word(const char *path, uid_t user, char *out, size_t size,
                               struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    size_t begin = 0;
    size_t n = 0;
    enum outcome res = keyfile_word(path, user, &data, &len, &begin, &n, err);
    if (res == OUT_OK && n == 0)
        res = err_set(err, OUT_REFUSED, "%s is empty: put the key there and nothing else", path);
    if (res == OUT_OK && n >= size)
        res = err_set(err, OUT_REFUSED,
                      "%s: the key has %zu octets, and at most %zu are taken: use "
                      "a shorter one",
                      path, n, size - 1);
    for (size_t i = 0; res == OUT_OK && i < n; i++) {
        if (data[begin + i] < 0x21 || data[begin + i] > 0x7e)
            res = err_set(err, OUT_REFUSED,
                          "%s: the key has signs that an HTTP header cannot carry: use printable "
                          "ASCII",
                          path);
    }
    if (res == OUT_OK) {
        memcpy(out, data + begin, n);
        out[n] = '\0';
    }
    keyfile_drop(&data, len);
    return res;
}
