/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_null SOCKET full|minimal - a milter that does nothing, to compare with
 *
 * full: every callback, each told to go on. minimal: all that can be is negotiated away, and what
 * is left (connect, HELO, MAIL) has no reply: the least that a milter can cost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define BACKLOG 200

static sfsistat less(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                     unsigned long f3, unsigned long *pf0, unsigned long *pf1, unsigned long *pf2,
                     unsigned long *pf3)
{
    char nothing[] = "";
    (void)f2;
    (void)f3;
    *pf0 = SMFIF_SETSYMLIST & f0;
    *pf1 = f1 & (SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY |
                 SMFIP_NOUNKNOWN | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL);
    *pf2 = 0;
    *pf3 = 0;
    if (*pf0 != 0) {
        (void)smfi_setsymlist(ctx, SMFIM_CONNECT, nothing);
        (void)smfi_setsymlist(ctx, SMFIM_HELO, nothing);
        (void)smfi_setsymlist(ctx, SMFIM_ENVFROM, nothing);
    }
    return SMFIS_CONTINUE;
}

static sfsistat quiet_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
    (void)ctx;
    (void)name;
    (void)address;
    return SMFIS_NOREPLY;
}

static sfsistat quiet_helo(SMFICTX *ctx, char *name)
{
    (void)ctx;
    (void)name;
    return SMFIS_NOREPLY;
}

static sfsistat quiet_from(SMFICTX *ctx, char **argv)
{
    (void)ctx;
    (void)argv;
    return SMFIS_NOREPLY;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
    (void)quiet_connect(ctx, name, address);
    return SMFIS_CONTINUE;
}

static sfsistat on_text(SMFICTX *ctx, char *text)
{
    (void)quiet_helo(ctx, text);
    return SMFIS_CONTINUE;
}

static sfsistat on_unknown(SMFICTX *ctx, const char *text)
{
    (void)ctx;
    (void)text;
    return SMFIS_CONTINUE;
}

static sfsistat on_words(SMFICTX *ctx, char **argv)
{
    (void)quiet_from(ctx, argv);
    return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    (void)ctx;
    (void)name;
    (void)value;
    return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *body, size_t len)
{
    (void)ctx;
    (void)body;
    (void)len;
    return SMFIS_CONTINUE;
}

static sfsistat on_event(SMFICTX *ctx)
{
    (void)ctx;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    char name[] = "bench_null", spec[256];
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench_null SOCKET full|minimal\n");
        return 2;
    }
    struct smfiDesc full = {.xxfi_name = name,
                            .xxfi_version = SMFI_VERSION,
                            .xxfi_connect = on_connect,
                            .xxfi_helo = on_text,
                            .xxfi_envfrom = on_words,
                            .xxfi_envrcpt = on_words,
                            .xxfi_header = on_header,
                            .xxfi_eoh = on_event,
                            .xxfi_body = on_body,
                            .xxfi_eom = on_event,
                            .xxfi_abort = on_event,
                            .xxfi_close = on_event,
                            .xxfi_unknown = on_unknown,
                            .xxfi_data = on_event};
    struct smfiDesc minimal = {.xxfi_name = name,
                               .xxfi_version = SMFI_VERSION,
                               .xxfi_connect = quiet_connect,
                               .xxfi_helo = quiet_helo,
                               .xxfi_envfrom = quiet_from,
                               .xxfi_close = on_event,
                               .xxfi_negotiate = less};
    (void)umask(0); /* whoever runs smtpd may connect: a namespace of our own */
    bool inet = strncmp(argv[1], "inet:", 5) == 0;
    (void)snprintf(spec, sizeof spec, "%s%s", inet ? "" : "unix:", argv[1]);
    if (smfi_setconn(spec) != MI_SUCCESS || smfi_setbacklog(BACKLOG) != MI_SUCCESS ||
        smfi_register(strcmp(argv[2], "full") == 0 ? full : minimal) != MI_SUCCESS ||
        smfi_opensocket(true) != MI_SUCCESS) {
        (void)fprintf(stderr, "bench_null: %s cannot be opened\n", argv[1]);
        return 1;
    }
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
