/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/milter.h"

#include "base/text.h"
#include "milter/endpoint.h"
#include "milter/limiter.h"
#include "milter/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define MILTER_HELO_MAX 256
#define MILTER_BACKLOG 200 /* connections in the queue: all smtpds at once after a reload */

struct milter {
    struct milter_config config;
    struct endpoint at;
    pthread_t thread;
    atomic_bool closing;
    struct session_counts counts;
    struct limiter limiter; /* of the guard's lines */
};

/* One session of Postfix. */
struct visit {
    struct session session;
    bool has_address; /* not by a unix socket, not unknown */
    bool ours;        /* our own probe, or this host */
    uint8_t address[16];
    char helo[MILTER_HELO_MAX]; /* cut */
    char cipher[LEDGER_CIPHER_MAX];
};

/* What callbacks have beside their context: nothing. Set before any of their threads is made. */
static struct milter *milter_self;

/* ---- callbacks: thin ------------------------------------------------------------------ */

/* On a network socket what is sent after something that had no reply waits for its acknowledgement
 * (Nagle), which the other end delays by 40 ms; a reply costs less. */
static sfsistat no_reply(void)
{
    return milter_self->at.inet ? SMFIS_CONTINUE : SMFIS_NOREPLY;
}

/* May MAIL be answered with anything but "go on"? */
static bool may_refuse(const struct guard_policy *guard)
{
    return guard != NULL &&
           (guard->plaintext >= GUARD_TEMPFAIL || guard->downgrade >= GUARD_TEMPFAIL);
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                             unsigned long f3, unsigned long *pf0, unsigned long *pf1,
                             unsigned long *pf2, unsigned long *pf3)
{
    unsigned long steps =
        SMFIP_NORCPT | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN;
    char nothing[] = "", tls[] = "{tls_version} {cipher}";
    (void)f2;
    (void)f3;
    if (!milter_self->at.inet)
        steps |= SMFIP_NODATA | SMFIP_NR_CONN;
    if (!milter_self->at.inet && !may_refuse(milter_self->config.guard))
        steps |= SMFIP_NR_MAIL;
    *pf0 = SMFIF_SETSYMLIST & f0;
    *pf1 = steps & f1;
    *pf2 = 0;
    *pf3 = 0;
    /* Fewer macros are less work for smtpd; a Postfix that cannot leaves them as they are. */
    if (*pf0 != 0) {
        (void)smfi_setsymlist(ctx, SMFIM_CONNECT, nothing);
        (void)smfi_setsymlist(ctx, SMFIM_HELO, tls);
        (void)smfi_setsymlist(ctx, SMFIM_ENVFROM, nothing);
    }
    return SMFIS_CONTINUE;
}

/* False: a unix socket, or not known. */
static bool take_address(const struct sockaddr *from, uint8_t out[16])
{
    if (from == NULL)
        return false;
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        memcpy(out, &in6.sin6_addr, 16);
        return true;
    }
    if (from->sa_family != AF_INET)
        return false;
    struct sockaddr_in in;
    memcpy(&in, from, sizeof in);
    memset(out, 0, 10);
    memset(out + 10, 0xff, 2);
    memcpy(out + 12, &in.sin_addr, 4);
    return true;
}

/* No reply, if that was agreed upon. */
static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
    struct ledger *ledger = milter_self->config.ledger;
    (void)name;
    struct visit *v = calloc(1, sizeof *v);
    if (v == NULL)
        return no_reply(); /* not counted; the session is none the worse for it */
    v->has_address = take_address(address, v->address);
    v->ours = v->has_address && ledger != NULL && ledger_is_ours(ledger, v->address);
    session_begin(&v->session, &milter_self->counts);
    v->session.exempt = v->has_address && milter_self->config.guard != NULL &&
                        guard_exempts(milter_self->config.guard, v->address);
    if (smfi_setpriv(ctx, v) != MI_SUCCESS) {
        session_end(&v->session, &milter_self->counts);
        free(v);
    }
    return no_reply();
}

/* With a reply, because Postfix hands on what needs none only with what needs one: a session
 * without mail would arrive together with its end, and libmilter drops what it has not read then.
 */
static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    char version[] = "{tls_version}", cipher[] = "{cipher}";
    struct visit *v = smfi_getpriv(ctx);
    if (v == NULL)
        return SMFIS_CONTINUE;
    const char *with = smfi_getsymval(ctx, cipher);
    session_helo(&v->session, smfi_getsymval(ctx, version));
    (void)text_format(v->helo, sizeof v->helo, "%s", name != NULL ? name : "");
    (void)text_format(v->cipher, sizeof v->cipher, "%s", with != NULL ? with : "");
    return SMFIS_CONTINUE;
}

static model_time wall_ms(void)
{
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return 0;
    return (model_time)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say_verdict(const struct ledger_client *client, const struct guard_verdict *verdict)
{
    struct milter *m = milter_self;
    char line[GUARD_TEXT_MAX + 64];
    unsigned held = 0;
    if (!limiter_pass(&m->limiter, client, sizeof *client, wall_ms(), &held))
        return;
    if (held > 0)
        (void)text_format(line, sizeof line, "%s (and %u more from there since)", verdict->line,
                          held);
    else
        (void)text_format(line, sizeof line, "%s", verdict->line);
    m->config.log->line(m->config.log_self, PORT_LOG_WARNING, line);
}

/* What the guard makes of a MAIL. */
static enum guard_act judge(const struct visit *v, char reply[GUARD_TEXT_MAX])
{
    const struct milter_config *config = &milter_self->config;
    struct guard_verdict verdict;
    struct ledger_client client;
    struct ledger_entry past;
    reply[0] = '\0';
    if (config->guard == NULL || !v->has_address || v->ours || v->session.tls != SESSION_PLAIN)
        return GUARD_ACCEPT;
    ledger_client_of(v->address, v->helo, &client);
    bool known = config->ledger != NULL && ledger_find(config->ledger, &client, &past);
    guard_judge(config->guard, v->address, v->helo, v->session.tls, known ? &past : NULL, wall_ms(),
                &verdict);
    if (verdict.act != GUARD_ACCEPT)
        say_verdict(&client, &verdict);
    memcpy(reply, verdict.reply, sizeof verdict.reply);
    return verdict.act;
}

/* Only what can really be said is refused: without memory for the reply the mail is taken. Where
 * Postfix was promised a reply, it waits for one: also from a session that is not counted. */
static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
    char soft[] = "451", soft_status[] = "4.7.0", hard[] = "550", hard_status[] = "5.7.0";
    char reply[GUARD_TEXT_MAX];
    struct visit *v = smfi_getpriv(ctx);
    (void)argv;
    sfsistat go_on = may_refuse(milter_self->config.guard) ? SMFIS_CONTINUE : no_reply();
    if (v == NULL)
        return go_on;
    enum guard_act act = judge(v, reply);
    if (act == GUARD_TEMPFAIL && smfi_setreply(ctx, soft, soft_status, reply) == MI_SUCCESS)
        return SMFIS_TEMPFAIL;
    if (act == GUARD_REJECT && smfi_setreply(ctx, hard, hard_status, reply) == MI_SUCCESS)
        return SMFIS_REJECT;
    session_mail(&v->session);
    return go_on;
}

/* Only on a network socket: what smtpd sent of RCPT and DATA, macros at least, has been answered
 * before cleanup(8) goes on with the message. */
static sfsistat on_data(SMFICTX *ctx)
{
    (void)ctx;
    return SMFIS_CONTINUE;
}

static void count(const struct visit *v)
{
    struct ledger *ledger = milter_self->config.ledger;
    struct ledger_client client;
    if (ledger == NULL || !v->has_address || v->ours)
        return;
    ledger_client_of(v->address, v->helo, &client);
    ledger_count(ledger, &client, &v->session, v->cipher[0] != '\0' ? v->cipher : NULL, wall_ms());
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct visit *v = smfi_getpriv(ctx);
    if (v == NULL)
        return SMFIS_CONTINUE;
    session_end(&v->session, &milter_self->counts);
    count(v);
    (void)smfi_setpriv(ctx, NULL);
    free(v);
    return SMFIS_CONTINUE;
}

/* ---- life ------------------------------------------------------------------------------ */

static void *run(void *arg)
{
    struct milter *m = arg;
    sigset_t all;
    /* Here, and not around pthread_create(): while the main thread holds a signal, libmilter would
     * take it from it, and it may then end as if it had failed. */
    if (sigfillset(&all) != 0 || pthread_sigmask(SIG_BLOCK, &all, NULL) != 0)
        m->config.log->line(m->config.log_self, PORT_LOG_WARNING,
                            "the milter's thread cannot leave signals to the main one");
    int status = smfi_main();
    if (atomic_load(&m->closing))
        return NULL;
    if (status != MI_SUCCESS)
        m->config.log->line(m->config.log_self, PORT_LOG_ERROR,
                            "the milter service ended: libmilter failed");
    if (m->config.ended != NULL)
        m->config.ended(m->config.ended_self, status == MI_SUCCESS);
    return NULL;
}

static enum outcome listen_at(struct endpoint *at, struct err *err)
{
    char name[] = "danemilter";
    struct smfiDesc desc = {.xxfi_name = name,
                            .xxfi_version = SMFI_VERSION,
                            .xxfi_flags = SMFIF_SETSYMLIST,
                            .xxfi_connect = on_connect,
                            .xxfi_helo = on_helo,
                            .xxfi_envfrom = on_mail,
                            .xxfi_data = on_data,
                            .xxfi_close = on_close,
                            .xxfi_negotiate = on_negotiate};
    if (smfi_setconn(at->spec) != MI_SUCCESS || smfi_register(desc) != MI_SUCCESS ||
        smfi_setbacklog(MILTER_BACKLOG) != MI_SUCCESS)
        return err_set(err, OUT_BROKEN, "libmilter takes no service at %s", at->spec);
    errno = 0;
    if (smfi_opensocket(true) != MI_SUCCESS)
        return err_errno(err, "no milter socket at %s: %s", at->spec,
                         at->inet ? "does another program listen there?"
                                  : "does the folder belong to us?");
    return endpoint_open_up(at, err);
}

static enum outcome start(struct milter *m, struct err *err)
{
    errno = pthread_create(&m->thread, NULL, run, m);
    return errno == 0 ? OUT_OK : err_errno(err, "the milter's thread");
}

enum outcome milter_open(const struct milter_config *config, struct milter **out, struct err *err)
{
    struct endpoint at;
    enum outcome res = endpoint_init(config->socket, &at, err);
    if (res != OUT_OK)
        return res;
    if (milter_self != NULL)
        return err_set(err, OUT_BROKEN, "one milter service in a process");
    struct milter *m = calloc(1, sizeof *m);
    if (m == NULL)
        return err_errno(err, "milter");
    m->config = *config;
    m->config.socket = NULL; /* the caller's */
    m->at = at;
    errno = limiter_init(&m->limiter);
    res = errno != 0 ? err_errno(err, "milter") : OUT_OK;
    if (res != OUT_OK) {
        free(m);
        return res;
    }
    milter_self = m;
    res = listen_at(&m->at, err);
    if (res == OUT_OK)
        res = start(m, err);
    if (res != OUT_OK) {
        milter_self = NULL;
        limiter_end(&m->limiter);
        free(m);
        return res;
    }
    *out = m;
    return OUT_OK;
}

void milter_close(struct milter **milter)
{
    struct milter *m = *milter;
    *milter = NULL;
    if (m == NULL)
        return;
    atomic_store(&m->closing, true);
    (void)smfi_stop();
    endpoint_nudge(&m->at);
    (void)pthread_join(m->thread, NULL);
    endpoint_remove(&m->at);
    /* Threads of open sessions still know milter_self, and libmilter cannot be begun again. */
}

void milter_live(void *self, char *out, size_t size)
{
    const struct milter *m = self;
    if (!session_json(&m->counts, out, size))
        m->config.log->line(m->config.log_self, PORT_LOG_ERROR,
                            "the session counters do not fit into an answer");
}
