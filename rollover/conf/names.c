/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"

#define NAMES_LENGTH_MAX 253
#define NAMES_LABEL_MAX 63

static bool names_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static enum outcome names_label(const char *label, size_t len, unsigned flags, const char *text,
                                struct err *err)
{
    if (len == 0)
        return err_set(err, OUT_REFUSED, "\"%s\" has an empty label", text);
    if (len > NAMES_LABEL_MAX)
        return err_set(err, OUT_REFUSED, "\"%s\" has a label of more than 63 octets", text);
    size_t begin = (flags & NAMES_UNDERSCORE) != 0 && label[0] == '_' && len > 1 ? 1 : 0;
    for (size_t i = begin; i < len; i++) {
        bool edge = i == begin || i + 1 == len;
        if ((unsigned char)label[i] >= 0x80)
            return err_set(err, OUT_REFUSED,
                           "\"%s\" is not ASCII: write names in other scripts as xn--", text);
        if (!names_alnum(label[i]) && (label[i] != '-' || edge))
            return err_set(err, OUT_REFUSED, "\"%s\" is not a domain name: look at \"%.*s\"", text,
                           (int)len, label);
    }
    return OUT_OK;
}

enum outcome names_domain(const char *text, unsigned flags, char out[PORT_NAME_MAX],
                          struct err *err)
{
    size_t len = strlen(text);
    if (len > 1 && text[len - 1] == '.')
        len--;
    if (len == 0 || len > NAMES_LENGTH_MAX)
        return err_set(err, OUT_REFUSED, "\"%.64s\" is not a domain name: it has %zu octets", text,
                       len);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    out[len] = '\0';
    const char *at = out;
    if ((flags & NAMES_STAR) != 0 && strncmp(at, "*.", 2) == 0)
        at += 2;
    for (;;) {
        size_t n = strcspn(at, ".");
        enum outcome res = names_label(at, n, flags, text, err);
        if (res != OUT_OK)
            return res;
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    if ((flags & NAMES_DOT) != 0) {
        out[len] = '.';
        out[len + 1] = '\0';
    }
    return OUT_OK;
}

bool names_below(const char *name, const char *zone)
{
    size_t n = strlen(name);
    size_t z = strlen(zone);
    if (z > n || strcmp(name + n - z, zone) != 0)
        return false;
    return n == z || name[n - z - 1] == '.';
}

static bool names_address(const char *text, uint8_t ip[16])
{
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memset(ip, 0, 10);
        ip[10] = 0xff;
        ip[11] = 0xff;
        memcpy(ip + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, text, ip) == 1;
}

enum outcome names_server(const char *text, uint16_t port, struct conf_server *out, struct err *err)
{
    char host[64];
    const char *after = NULL;
    const char *begin = text;
    size_t len = strlen(text);
    if (text[0] == '[') {
        begin = text + 1;
        len = strcspn(begin, "]");
        after = begin[len] == ']' ? begin + len + 1 : NULL;
    } else if (strchr(text, ':') == strrchr(text, ':')) {
        len = strcspn(text, ":"); /* at most one colon: IPv4, perhaps with a port */
        after = text + len;
    } else {
        after = text + len;
    }
    int64_t number = port;
    if (after == NULL || len >= sizeof host || (*after != '\0' && *after != ':'))
        return err_set(err, OUT_REFUSED, "\"%s\" is not an IP address with an optional port", text);
    (void)text_format(host, sizeof host, "%.*s", (int)len, begin);
    if (!names_address(host, out->ip))
        return err_set(err, OUT_REFUSED,
                       "\"%s\" is not an IP address: write it as 192.0.2.1, 192.0.2.1:5353 or "
                       "[2001:db8::1]:5353",
                       text);
    if (*after == ':' && text_number(after + 1, 1, 65535, &number, err) != OUT_OK) {
        err_prepend(err, "the port of \"%s\"", text);
        return OUT_REFUSED;
    }
    out->port = (uint16_t)number;
    return OUT_OK;
}

enum outcome names_net(const char *text, struct conf_net *out, struct err *err)
{
    char host[64];
    size_t len = strcspn(text, "/");
    int64_t bits = 0;
    if (len >= sizeof host)
        return err_set(err, OUT_REFUSED, "\"%s\" is not a network", text);
    (void)text_format(host, sizeof host, "%.*s", (int)len, text);
    if (!names_address(host, out->ip))
        return err_set(err, OUT_REFUSED,
                       "\"%s\" is not a network: write it as 192.0.2.0/24 or 2001:db8::/32", text);
    int64_t whole = strchr(host, ':') == NULL ? 32 : 128;
    bits = whole;
    if (text[len] == '/' && text_number(text + len + 1, 0, whole, &bits, err) != OUT_OK) {
        err_prepend(err, "the prefix of \"%s\"", text);
        return OUT_REFUSED;
    }
    out->bits = (uint8_t)(bits + 128 - whole);
    for (unsigned i = out->bits; i < 128; i++) {
        if ((out->ip[i / 8] & (0x80u >> (i % 8))) != 0)
            return err_set(err, OUT_REFUSED,
                           "\"%s\" has bits set behind its prefix of %d: clear them, or make the "
                           "prefix longer",
                           text, (int)bits);
    }
    return OUT_OK;
}

enum outcome names_combo(const char *text, struct model_combo *out, struct err *err)
{
    /* exactly "D D D" */
    bool form = strlen(text) == 5 && text[1] == ' ' && text[3] == ' ';
    for (size_t i = 0; form && i < 5; i += 2)
        form = text[i] >= '0' && text[i] <= '9';
    if (!form)
        return err_set(err, OUT_REFUSED,
                       "\"%s\" is not usage, selector and matching type: write it as \"3 1 1\"",
                       text);
    out->usage = (uint8_t)(text[0] - '0');
    out->selector = (uint8_t)(text[2] - '0');
    out->matching = (uint8_t)(text[4] - '0');
    if (out->usage < 2)
        return err_set(err, OUT_REFUSED,
                       "\"%s\" has usage %u, which SMTP senders do not use (RFC 7672 section "
                       "3.1.3): write \"3 1 1\"",
                       text, (unsigned)out->usage);
    if (out->usage > 3)
        return err_set(err, OUT_REFUSED, "\"%s\": usage is 2 or 3", text);
    if (out->selector > 1)
        return err_set(err, OUT_REFUSED, "\"%s\": selector is 0 (certificate) or 1 (public key)",
                       text);
    if (out->matching > 2)
        return err_set(err, OUT_REFUSED,
                       "\"%s\": matching type is 0 (whole), 1 (SHA-256) or 2 (SHA-512)", text);
    return OUT_OK;
}

enum outcome names_alg(const char *text, enum port_alg *out, struct err *err)
{
    static const struct {
        const char *name;
        enum port_alg alg;
    } rows[] = {{"p256", PORT_ALG_P256},
                {"p384", PORT_ALG_P384},
                {"rsa2048", PORT_ALG_RSA2048},
                {"rsa3072", PORT_ALG_RSA3072},
                {"rsa4096", PORT_ALG_RSA4096}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(text, rows[i].name) == 0) {
            *out = rows[i].alg;
            return OUT_OK;
        }
    }
    return err_set(err, OUT_REFUSED,
                   "\"%s\" is no key algorithm: use p256, p384, rsa2048, rsa3072 or rsa4096", text);
}

void names_service(const char *owner, char host[PORT_NAME_MAX], uint16_t *port)
{
    size_t digits = strcspn(owner, ".");
    const char *rest = owner + digits;
    char number[8];
    int64_t n = 0;
    host[0] = '\0';
    *port = 0;
    if (owner[0] != '_' || digits < 2 || digits > 6 || strncmp(rest, "._tcp.", 6) != 0)
        return;
    (void)text_format(number, sizeof number, "%.*s", (int)(digits - 1), owner + 1);
    size_t len = strlen(rest + 6);
    if (len < 2 || text_number(number, 1, 65535, &n, NULL) != OUT_OK)
        return;
    (void)text_format(host, PORT_NAME_MAX, "%.*s", (int)(len - 1), rest + 6);
    *port = (uint16_t)n;
}
