/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main - danemilter's arguments, and the order of things: root's part, the split, two lives
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

static int run(struct daemon *d)
{
    struct err err = ERR_INIT;
    bool helper = false;
    int status = EXIT_FAILURE;
    enum outcome out = prepare(d, &err);
    if (out == OUT_OK)
        out = daemon_fork(&helper, &d->fd, &d->helper, &err);
    if (out == OUT_OK && helper)
        status = main_root_help(d);
    else if (out == OUT_OK)
        out = main_loop_run(d, &err);
    if (out != OUT_OK)
        (void)fprintf(stderr, "danemilter: fatal: %s\n", err.text);
    else if (!helper)
        status = EXIT_SUCCESS;
    main_root_free(d);
    http_global_end();
    return status;
}

static int usage(int status)
{
    (void)fprintf(status == EXIT_SUCCESS ? stdout : stderr,
                  "usage: danemilter -f [-r] [-c FILE]\n"
                  "  -f       stay in the foreground; the log goes to standard error\n"
                  "  -c FILE  the configuration (%s)\n"
                  "  -r       go on after a freeze, from what the chain file holds now\n"
                  "  -V       print the version\n",
                  MAIN_CONF);
    return status;
}

int main(int argc, char **argv)
{
    struct daemon d;
    bool foreground = false;
    int opt;
    memset(&d, 0, sizeof d);
    d.path = MAIN_CONF;
    d.lock.fd = -1;
    d.fd = -1;
    maillog_stderr(&d.log);
    while ((opt = getopt(argc, argv, "c:C:frhV")) != -1) {
        switch (opt) {
        case 'c':
        case 'C':
            d.path = optarg;
            break;
        case 'f':
            foreground = true;
            break;
        case 'r':
            d.resume = true;
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
        (void)fprintf(stderr, "danemilter: this release runs in the foreground only: add -f\n");
    if (!foreground || optind != argc)
        return usage(EXIT_USAGE);
    return run(&d);
}
