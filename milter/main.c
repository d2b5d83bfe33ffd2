/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main - danemilter's arguments, and the order of things: root's part, the split, two lives
 *
 * Started by Postfix's master(8), or in the foreground (-f).
 */
#include "config.h"

#include "milter/main.h"

#include "crypto/wipe.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

static enum outcome prepare(struct daemon *d, struct err *err)
{
    enum outcome out = daemon_harden(err);
    if (out == OUT_OK)
        out = wipe_begin(err); /* before anything else uses OpenSSL */
    if (out == OUT_OK)
        out = http_global_init(err);
    if (out == OUT_OK)
        out = main_root_prepare(d, err);
    return out;
}

static void free_daemon(struct daemon *d)
{
    main_root_free(d);
    http_global_end();
}

/* `out`, `err`: of what was done so far. */
static int run(struct daemon *d, enum outcome out, struct err *err)
{
    bool helper = false;
    if (out == OUT_OK)
        out = prepare(d, err);
    if (out == OUT_OK)
        out = daemon_fork(&helper, &d->fd, &d->helper, err);
    if (out == OUT_OK && helper) {
        int status = main_host_help(d);
        free_daemon(d);
        return status;
    }
    if (out == OUT_OK)
        out = main_loop_run(d, err);
    if (out != OUT_OK && d->master != NULL && !daemon_lost()) {
        if (d->fd >= 0)
            (void)close(d->fd); /* ends the helper */
        main_loop_idle(d, err->text);
        out = OUT_OK;
    } else if (out != OUT_OK) {
        err_prepend(err, "fatal");
        maillog_ops.line(&d->log, PORT_LOG_ERROR, err->text);
    }
    free_daemon(d);
    /* Whatever it was is in the log; master would only say it again, without the reason. */
    return out == OUT_OK || d->master != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(int status)
{
    (void)fprintf(status == EXIT_SUCCESS ? stdout : stderr,
                  "usage: danemilter -f [-c FILE]\n"
                  "  -f       stay in the foreground; the log goes to standard error\n"
                  "  -c FILE  the configuration (%s)\n"
                  "  -V       print the version\n"
                  "or, in Postfix's master.cf, one line; its path is below daemon_directory:\n"
                  "  danemilter unix - n n 10 1 danemilter [-C FILE]\n",
                  MAIN_CONF);
    return status;
}

static int run_under_master(struct daemon *d, struct master *master, int argc, char **argv)
{
    struct err err = ERR_INIT;
    enum outcome out = master_open(argc, argv, master, &err);
    d->master = master;
    if (master->conf != NULL)
        d->path = master->conf;
    maillog_mail(&d->log, master->name);
    return run(d, out, &err);
}

static int run_foreground(struct daemon *d, int argc, char **argv)
{
    struct err err = ERR_INIT;
    bool foreground = false;
    int opt;
    while ((opt = getopt(argc, argv, "c:C:fhV")) != -1) {
        switch (opt) {
        case 'c':
        case 'C':
            d->path = optarg;
            break;
        case 'f':
            foreground = true;
            break;
        case 'h':
            return usage(EXIT_SUCCESS);
        case 'V':
            (void)printf("danemilter %s\n", PACKAGE_VERSION);
            return EXIT_SUCCESS;
        default:
            return usage(EXIT_USAGE);
        }
    }
    if (!foreground && optind == argc)
        (void)fprintf(stderr, "danemilter: started neither by Postfix's master nor with -f\n");
    if (!foreground || optind != argc)
        return usage(EXIT_USAGE);
    return run(d, OUT_OK, &err);
}

int main(int argc, char **argv)
{
    struct daemon d;
    struct master master;
    memset(&d, 0, sizeof d);
    d.path = MAIN_CONF;
    d.lock.fd = -1;
    d.fd = -1;
    d.clock = (struct sysclock){.pipe = {-1, -1}};
    maillog_stderr(&d.log);
    if (master_is_parent(argc, argv))
        return run_under_master(&d, &master, argc, argv);
    return run_foreground(&d, argc, argv);
}
