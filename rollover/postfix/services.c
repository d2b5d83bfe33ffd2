/* SPDX-License-Identifier: BSD-2-Clause */
#define _XOPEN_SOURCE 700 /* realpath: glibc has it under XSI only */
#include "postfix/services.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SERVICES_OVERRIDES_MAX 256
#define SERVICES_COMMANDS_MAX 128

enum {
    P_CHAIN,
    P_CERT,
    P_KEY,
    P_ECCERT,
    P_DCERT,
    P_PROXY_CHAIN,
    P_PROXY_CERT,
    P_PROXY_KEY,
    P_PROXY_ECCERT,
    P_PROXY_DCERT,
    P_LEVEL,
    P_USE,
    P_ENFORCE,
    P_SCREEN_LEVEL,
    P_SCREEN_USE,
    P_SCREEN_ENFORCE,
    P_WRAPPED,
    P_INTERFACES,
    N_PARAMS,
    P_NONE
};

/* `base`: the parameter that is its default. */
static const struct {
    const char *name;
    int base;
} table[N_PARAMS] = {
    [P_CHAIN] = {"smtpd_tls_chain_files", P_NONE},
    [P_CERT] = {"smtpd_tls_cert_file", P_NONE},
    [P_KEY] = {"smtpd_tls_key_file", P_CERT},
    [P_ECCERT] = {"smtpd_tls_eccert_file", P_NONE},
    [P_DCERT] = {"smtpd_tls_dcert_file", P_NONE},
    [P_PROXY_CHAIN] = {"tlsproxy_tls_chain_files", P_CHAIN},
    [P_PROXY_CERT] = {"tlsproxy_tls_cert_file", P_CERT},
    [P_PROXY_KEY] = {"tlsproxy_tls_key_file", P_KEY},
    [P_PROXY_ECCERT] = {"tlsproxy_tls_eccert_file", P_ECCERT},
    [P_PROXY_DCERT] = {"tlsproxy_tls_dcert_file", P_DCERT},
    [P_LEVEL] = {"smtpd_tls_security_level", P_NONE},
    [P_USE] = {"smtpd_use_tls", P_NONE},
    [P_ENFORCE] = {"smtpd_enforce_tls", P_NONE},
    [P_SCREEN_LEVEL] = {"postscreen_tls_security_level", P_LEVEL},
    [P_SCREEN_USE] = {"postscreen_use_tls", P_USE},
    [P_SCREEN_ENFORCE] = {"postscreen_enforce_tls", P_ENFORCE},
    [P_WRAPPED] = {"smtpd_tls_wrappermode", P_NONE},
    [P_INTERFACES] = {"inet_interfaces", P_NONE},
};

struct services {
    struct services_ask ask;
    char values[N_PARAMS][PARAMS_VALUE_MAX];
    struct params_override overrides[SERVICES_OVERRIDES_MAX];
    size_t n_overrides;
    struct params_command commands[SERVICES_COMMANDS_MAX];
    size_t n_commands;
};

enum outcome services_load(const struct services_ask *ask, struct services **out, struct err *err)
{
    const char *names[N_PARAMS];
    struct services *s = calloc(1, sizeof *s);
    *out = s;
    if (s == NULL)
        return err_errno(err, "the services of %s/master.cf", ask->params.config_dir);
    s->ask = *ask;
    s->n_overrides = SERVICES_OVERRIDES_MAX;
    s->n_commands = SERVICES_COMMANDS_MAX;
    for (size_t i = 0; i < N_PARAMS; i++)
        names[i] = table[i].name;
    enum outcome res = params_get(&ask->params, names, N_PARAMS, s->values, err);
    if (res == OUT_OK)
        res =
            params_overrides(&ask->params, names, N_PARAMS - 1, s->overrides, &s->n_overrides, err);
    if (res == OUT_OK)
        res = params_commands(&ask->params, s->commands, &s->n_commands, err);
    if (res != OUT_OK)
        services_free(out);
    return res;
}

void services_free(struct services **services)
{
    free(*services);
    *services = NULL;
}

bool services_same(const char *chain_file, const char *value)
{
    if (strcmp(value, chain_file) == 0)
        return true;
    char *real = value[0] == '/' ? realpath(value, NULL) : NULL;
    bool same = real != NULL && strcmp(real, chain_file) == 0;
    free(real);
    return same;
}

/* ---- what a service takes -------------------------------------------------------------------- */

static const char *own_value(const struct services *s, const char *service, int param)
{
    const char *value = NULL; /* the last one counts */
    for (size_t i = 0; service != NULL && i < s->n_overrides; i++) {
        if (strcmp(s->overrides[i].service, service) == 0 &&
            strcmp(s->overrides[i].name, table[param].name) == 0)
            value = s->overrides[i].value;
    }
    return value;
}

/* `service` NULL: main.cf's. `*own`: whether master.cf says it. A parameter that main.cf gives the
 * same value as its default's has most likely not been set. */
static const char *value_of(const struct services *s, const char *service, int param, bool *own)
{
    const char *main_cf = s->values[param];
    for (;;) {
        const char *value = own_value(s, service, param);
        if (own != NULL)
            *own = value != NULL;
        if (value != NULL)
            return value;
        int base = table[param].base;
        if (base == P_NONE || strcmp(s->values[base], s->values[param]) != 0)
            return main_cf;
        param = base;
    }
}

static bool is_yes(const char *value)
{
    return strcmp(value, "yes") == 0;
}

static bool is_none(const char *value)
{
    return value[0] == '\0' || strcmp(value, "none") == 0;
}

static bool screens(const struct params_command *c)
{
    return strcmp(c->program, "postscreen") == 0;
}

static bool of_type(const struct params_command *c, const char *type)
{
    const char *slash = strrchr(c->service, '/');
    return slash != NULL && strcmp(slash + 1, type) == 0;
}

static bool is_wrapped(const struct services *s, const struct params_command *c)
{
    return !screens(c) && is_yes(value_of(s, c->service, P_WRAPPED, NULL));
}

static bool offers_tls(const struct services *s, const struct params_command *c)
{
    int level = screens(c) ? P_SCREEN_LEVEL : P_LEVEL;
    const char *text = value_of(s, c->service, level, NULL);
    if (text[0] != '\0')
        return strcmp(text, "none") != 0 || is_wrapped(s, c);
    return is_yes(value_of(s, c->service, level + 1, NULL)) ||
           is_yes(value_of(s, c->service, level + 2, NULL)) || is_wrapped(s, c);
}

static enum outcome elsewhere(const struct services *s, const char *service, int param,
                              const char *value, bool own, struct err *err)
{
    const char *dir = s->ask.params.config_dir;
    const char *file = s->ask.chain_file;
    if (own)
        return err_set(err, OUT_REFUSED,
                       "%s/master.cf: the service %s has %s = %s, but danemilter writes %s: take "
                       "the override out, or name that file",
                       dir, service, table[param].name, value, file);
    return err_set(err, OUT_REFUSED,
                   "%s/main.cf has %s = %s, but danemilter writes %s: name the same, single file "
                   "in both",
                   dir, table[param].name, value, file);
}

/* The older parameters, beside an empty smtpd_tls_chain_files. `chain`: P_CHAIN or P_PROXY_CHAIN.
 */
static enum outcome older_here(const struct services *s, const char *service, int chain,
                               struct err *err)
{
    const char *dir = s->ask.params.config_dir;
    const char *file = s->ask.chain_file;
    const char *why = "names another file";
    int worst = P_NONE;
    for (int p = chain + (P_CERT - P_CHAIN); p <= chain + (P_KEY - P_CHAIN) && worst == P_NONE; p++)
        if (!services_same(file, value_of(s, service, p, NULL)))
            worst = p;
    for (int p = chain + (P_ECCERT - P_CHAIN); p <= chain + (P_DCERT - P_CHAIN); p++)
        if (worst == P_NONE && !is_none(value_of(s, service, p, NULL)))
            worst = p;
    if (worst == P_NONE && s->ask.n_kinds <= 1)
        return OUT_OK;
    if (worst == P_NONE) {
        worst = chain + (P_CERT - P_CHAIN);
        why = "gives one kind of key only";
    }
    const char *value = value_of(s, service, worst, NULL);
    if (is_none(value) && is_none(value_of(s, service, chain + (P_CERT - P_CHAIN), NULL)))
        return err_set(err, OUT_REFUSED, "%s/main.cf sets no %s%s%s: set %s = %s", dir,
                       table[chain].name, service != NULL ? " for the service " : "",
                       service != NULL ? service : "", table[chain].name, file);
    return err_set(err, OUT_REFUSED,
                   "%s/main.cf sets %s = %s and no %s%s%s, which %s: set %s = %s, then the older "
                   "parameters do not count",
                   dir, table[worst].name, value, table[chain].name,
                   service != NULL ? " for the service " : "", service != NULL ? service : "", why,
                   table[chain].name, file);
}

static enum outcome program_here(const struct services *s, const char *service, int chain,
                                 struct err *err)
{
    bool own = false;
    const char *value = value_of(s, service, chain, &own);
    if (value[0] == '\0' && !own)
        return older_here(s, service, chain, err);
    if (services_same(s->ask.chain_file, value))
        return OUT_OK;
    return value[0] == '\0' && older_here(s, service, chain, err) == OUT_OK
               ? OUT_OK
               : elsewhere(s, service, chain, value, own, err);
}

/* Does the service serve our file? OUT_REFUSED: it does not, and why. */
static enum outcome service_here(const struct services *s, const struct params_command *c,
                                 struct err *err)
{
    if (!screens(c))
        return program_here(s, c->service, P_CHAIN, err);
    enum outcome res = program_here(s, "tlsproxy/unix", P_PROXY_CHAIN, err);
    for (size_t i = 0; i < s->n_commands && res == OUT_OK; i++) {
        if (of_type(&s->commands[i], "pass") && strcmp(s->commands[i].program, "smtpd") == 0)
            res = program_here(s, s->commands[i].service, P_CHAIN, err);
    }
    return res;
}

/* ---- where it listens ------------------------------------------------------------------------ */

static bool port_of(const char *text, uint16_t *port)
{
    struct addrinfo hints;
    struct addrinfo *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = AF_INET;
    if (text[0] == '\0' || getaddrinfo("127.0.0.1", text, &hints, &found) != 0)
        return false;
    struct sockaddr_in in;
    memcpy(&in, found->ai_addr, sizeof in);
    *port = ntohs(in.sin_port);
    freeaddrinfo(found);
    return *port != 0;
}

static bool ip_of(const char *host, uint8_t ip[16])
{
    memset(ip, 0, 16);
    if (inet_pton(AF_INET6, strncmp(host, "ipv6:", 5) == 0 ? host + 5 : host, ip) == 1)
        return true;
    memset(ip, 0, 16);
    ip[10] = ip[11] = 0xff;
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, ip + 12) == 1)
        return true;
    memset(ip, 0, 16);
    return false;
}

/* "smtp/inet", "127.0.0.1:10025/inet", "[::1]:submission/inet". False: `why` says what it lacks. */
static bool place_of(const struct services *s, const char *service, struct port_service *out,
                     char why[PORT_WHY_MAX])
{
    char text[PARAMS_SERVICE_MAX];
    size_t len = (size_t)(strrchr(service, '/') - service);
    memcpy(text, service, len);
    text[len] = '\0';
    char *port = strrchr(text, ':');
    char *host = text;
    const char *interfaces = s->values[P_INTERFACES];
    if (port != NULL) {
        *port++ = '\0';
        size_t n = strlen(host);
        if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
            host[n - 1] = '\0';
            host++;
        }
    }
    (void)snprintf(out->name, sizeof out->name, "%s", service);
    if (!port_of(port != NULL ? port : text, &out->port)) {
        (void)snprintf(why, PORT_WHY_MAX, "its port is not in services(5)");
        return false;
    }
    if (port != NULL && host[0] != '\0' && !ip_of(host, out->ip)) {
        (void)snprintf(why, PORT_WHY_MAX,
                       "it listens on a name, which is not looked up: write its address into "
                       "master.cf");
        return false;
    }
    if ((port == NULL || host[0] == '\0') &&
        (strcmp(interfaces, "loopback-only") == 0 || strcmp(interfaces, "localhost") == 0))
        (void)ip_of("127.0.0.1", out->ip);
    return true;
}

/* ---- the answers ------------------------------------------------------------------------------
 */

static bool listens(const struct params_command *c)
{
    return of_type(c, "inet") && (strcmp(c->program, "smtpd") == 0 || screens(c));
}

enum outcome services_list(const struct services *services, struct port_service *out, size_t *n,
                           struct err *err)
{
    const struct services *s = services;
    size_t room = *n;
    *n = 0;
    for (size_t i = 0; i < s->n_commands; i++) {
        const struct params_command *c = &s->commands[i];
        struct err why = ERR_INIT;
        if (!listens(c) || !offers_tls(s, c))
            continue;
        if (*n == room)
            return err_set(err, OUT_REFUSED, "%s/master.cf has more than %zu services with TLS",
                           s->ask.params.config_dir, room);
        struct port_service *o = &out[(*n)++];
        memset(o, 0, sizeof *o);
        o->wrapped = is_wrapped(s, c);
        o->ours = place_of(s, c->service, o, o->why);
        if (service_here(s, c, &why) == OUT_OK)
            continue;
        o->ours = false;
        (void)snprintf(o->why, sizeof o->why, "%.*s", PORT_WHY_MAX - 1, why.text);
    }
    return OUT_OK;
}

static bool of_our_ports(const struct services *s, uint16_t port)
{
    for (size_t i = 0; i < s->ask.n_ports; i++) {
        if (s->ask.ports[i] == port)
            return true;
    }
    return s->ask.n_ports == 0;
}

enum outcome services_points_here(const struct services *services, struct err *err)
{
    static const uint8_t everywhere[16];
    const struct services *s = services;
    struct err why = ERR_INIT;
    size_t good = 0, other = 0;
    for (size_t i = 0; i < s->n_commands; i++) {
        struct port_service at = {.port = 0};
        if (!listens(&s->commands[i]))
            continue;
        bool known = place_of(s, s->commands[i].service, &at, at.why);
        if (at.port == 0 || !of_our_ports(s, at.port))
            continue;
        if (service_here(s, &s->commands[i], &why) == OUT_OK) {
            good++;
            continue;
        }
        other++;
        if (known && memcmp(at.ip, everywhere, sizeof everywhere) == 0)
            return err_set(err, OUT_REFUSED, "%s", why.text);
    }
    if (good == 0 && other > 0)
        return err_set(err, OUT_REFUSED, "%s", why.text);
    return good > 0 ? OUT_OK : program_here(s, NULL, P_CHAIN, err);
}
