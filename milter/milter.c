/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/milter.h"

#include "milter/session.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define MILTER_BACKLOG 200 /* connections in the queue: all smtpds at once after a reload */

struct milter {
    struct milter_config config;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    pthread_t thread;
    atomic_bool closing;
    struct session_counts counts;
};

/* What callbacks have beside their context: nothing. Set before any of their threads is made. */
static struct milter *milter_self;

/* ---- callbacks: thin ------------------------------------------------------------------ */

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                             unsigned long f3, unsigned long *pf0, unsigned long *pf1,
                             unsigned long *pf2, unsigned long *pf3)
{
    static const unsigned long steps = SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH |
                                       SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
                                       SMFIP_NR_HELO | SMFIP_NR_MAIL;
    char nothing[] = "", version[] = "{tls_version}";
    (void)f0;
    (void)f2;
    (void)f3;
    *pf0 = SMFIF_SETSYMLIST & f0;
    *pf1 = steps & f1;
    *pf2 = 0;
    *pf3 = 0;
    /* Fewer macros are less work for smtpd; a Postfix that cannot leaves them as they are. */
    if (*pf0 != 0) {
        (void)smfi_setsymlist(ctx, SMFIM_CONNECT, nothing);
        (void)smfi_setsymlist(ctx, SMFIM_HELO, version);
        (void)smfi_setsymlist(ctx, SMFIM_ENVFROM, nothing);
    }
    return SMFIS_CONTINUE;
}

/* The reply to a step: none, if that was agreed upon. */
static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
    (void)name;
    (void)address;
    struct session *s = malloc(sizeof *s);
    if (s == NULL)
        return SMFIS_NOREPLY; /* not counted; the session is none the worse for it */
    session_begin(s, &milter_self->counts);
    if (smfi_setpriv(ctx, s) != MI_SUCCESS) {
        session_end(s, &milter_self->counts);
        free(s);
    }
    return SMFIS_NOREPLY;
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    char version[] = "{tls_version}";
    struct session *s = smfi_getpriv(ctx);
    (void)name;
    if (s != NULL)
        session_helo(s, smfi_getsymval(ctx, version));
    return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
    struct session *s = smfi_getpriv(ctx);
    (void)argv;
    if (s != NULL)
        session_mail(s);
    return SMFIS_NOREPLY;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct session *s = smfi_getpriv(ctx);
    if (s == NULL)
        return SMFIS_CONTINUE;
    session_end(s, &milter_self->counts);
    (void)smfi_setpriv(ctx, NULL);
    free(s);
    return SMFIS_CONTINUE;
}

/* ---- life ------------------------------------------------------------------------------ */

static void *run(void *arg)
{
    struct milter *m = arg;
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

static enum outcome check_path(const char *path, struct err *err)
{
    struct stat st;
    if (path[0] == '\0' || strlen(path) >= sizeof(((struct milter *)NULL)->path))
        return err_set(err, OUT_REFUSED,
                       "milter_socket \"%s\": a socket's path has 1 to %zu octets: choose a "
                       "shorter one",
                       path, sizeof(((struct milter *)NULL)->path) - 1);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return err_set(err, OUT_REFUSED, "%s is there and is not a socket: remove it", path);
    return OUT_OK;
}

static enum outcome listen_at(const char *path, struct err *err)
{
    char spec[sizeof(((struct milter *)NULL)->path) + 8];
    char name[] = "danemilter";
    struct smfiDesc desc = {.xxfi_name = name,
                            .xxfi_version = SMFI_VERSION,
                            .xxfi_flags = SMFIF_SETSYMLIST,
                            .xxfi_connect = on_connect,
                            .xxfi_helo = on_helo,
                            .xxfi_envfrom = on_mail,
                            .xxfi_close = on_close,
                            .xxfi_negotiate = on_negotiate};
    (void)snprintf(spec, sizeof spec, "unix:%s", path);
    if (smfi_setconn(spec) != MI_SUCCESS || smfi_register(desc) != MI_SUCCESS ||
        smfi_setbacklog(MILTER_BACKLOG) != MI_SUCCESS)
        return err_set(err, OUT_BROKEN, "libmilter takes no service at %s", path);
    errno = 0;
    if (smfi_opensocket(true) != MI_SUCCESS)
        return err_errno(err, "no milter socket at %s: does the folder belong to us?", path);
    if (chmod(path, 0660) != 0) /* libmilter made it under our umask, and Postfix has to reach it */
        return err_errno(err, "%s", path);
    return OUT_OK;
}

/* With every signal blocked: they are for the main thread. */
static enum outcome start(struct milter *m, struct err *err)
{
    sigset_t all, before;
    int failed = sigfillset(&all);
    if (failed == 0)
        failed = pthread_sigmask(SIG_BLOCK, &all, &before);
    if (failed == 0) {
        failed = pthread_create(&m->thread, NULL, run, m);
        int restored = pthread_sigmask(SIG_SETMASK, &before, NULL);
        failed = failed != 0 ? failed : restored;
    }
    if (failed == 0)
        return OUT_OK;
    errno = failed;
    return err_errno(err, "the milter's thread");
}

enum outcome milter_open(const struct milter_config *config, struct milter **out, struct err *err)
{
    enum outcome res = check_path(config->path, err);
    if (res != OUT_OK)
        return res;
    if (milter_self != NULL)
        return err_set(err, OUT_BROKEN, "one milter service in a process");
    struct milter *m = calloc(1, sizeof *m);
    if (m == NULL)
        return err_errno(err, "milter");
    m->config = *config;
    (void)snprintf(m->path, sizeof m->path, "%s", config->path);
    m->config.path = m->path;
    milter_self = m;
    res = listen_at(m->path, err);
    if (res == OUT_OK)
        res = start(m, err);
    if (res != OUT_OK) {
        milter_self = NULL;
        free(m);
        return res;
    }
    *out = m;
    return OUT_OK;
}

/* libmilter looks every few seconds whether it is to end; a connection wakes it at once. */
static void nudge(const struct milter *m)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, m->path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return;
    (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    (void)close(fd);
}

void milter_close(struct milter **milter)
{
    struct milter *m = *milter;
    *milter = NULL;
    if (m == NULL)
        return;
    atomic_store(&m->closing, true);
    (void)smfi_stop();
    nudge(m);
    (void)pthread_join(m->thread, NULL);
    (void)unlink(m->path);
    /* Threads of open sessions still know milter_self, and libmilter cannot be begun again. */
}

void milter_live(void *self, char *out, size_t size)
{
    const struct milter *m = self;
    if (!session_json(&m->counts, out, size))
        m->config.log->line(m->config.log_self, PORT_LOG_ERROR,
                            "the session counters do not fit into an answer");
}
