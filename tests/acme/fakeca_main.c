/* SPDX-License-Identifier: BSD-2-Clause */
/* fakeca as a program. It runs until its standard input ends or a signal ends it. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakeca.h"

static void usage(FILE *out)
{
    (void)fprintf(out, "usage: fakeca [OPTION]...\n"
                       "  --address ADDRESS    IPv4 (127.0.0.1)\n"
                       "  --port PORT          (any; the directory's URL is printed)\n"
                       "  --host NAME          in URLs and its certificate (the address)\n"
                       "  --root-out FILE      the root to trust for its https, in PEM\n"
                       "  --dns ADDRESS[#PORT] the resolver that is asked for challenges\n"
                       "  --accept-all         challenges are not looked at at all\n"
                       "  --looks N            orders and challenges are unfinished so often (1)\n"
                       "  --retry-after S      said with what is unfinished (not said)\n"
                       "  --script SCRIPT      a lie; any number of them\n"
                       "  --forever            the end of standard input is no reason to end\n\n");
    fakeca_help(out);
}

static const struct option options[] = {
    {"address", required_argument, NULL, 'a'}, {"port", required_argument, NULL, 'p'},
    {"host", required_argument, NULL, 'h'},    {"root-out", required_argument, NULL, 'r'},
    {"dns", required_argument, NULL, 'd'},     {"accept-all", no_argument, NULL, 'A'},
    {"looks", required_argument, NULL, 'l'},   {"retry-after", required_argument, NULL, 't'},
    {"script", required_argument, NULL, 's'},  {"forever", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, '?'},          {NULL, 0, NULL, 0},
};

struct wishes {
    struct fakeca_config config;
    const char *root_out;
    const char *scripts[16];
    size_t n_scripts;
    bool forever;
};

static bool read_options(int argc, char **argv, struct wishes *w)
{
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'a')
            w->config.address = optarg;
        else if (c == 'p')
            w->config.port = (uint16_t)strtoul(optarg, NULL, 10);
        else if (c == 'h')
            w->config.host = optarg;
        else if (c == 'r')
            w->root_out = optarg;
        else if (c == 'd')
            w->config.dns_server = optarg;
        else if (c == 'A')
            w->config.accept_all = true;
        else if (c == 'l')
            w->config.looks = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 't')
            w->config.retry_after = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 's' && w->n_scripts < sizeof w->scripts / sizeof *w->scripts)
            w->scripts[w->n_scripts++] = optarg;
        else if (c == 'f')
            w->forever = true;
        else
            return false;
    }
    return optind == argc && (w->config.dns_server != NULL) != w->config.accept_all;
}

static bool write_root(const struct fakeca *ca, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    bool ok = fputs(fakeca_root(ca), file) >= 0;
    return fclose(file) == 0 && ok;
}

static void wait_for_end(bool forever)
{
    char buf[256];
    while (!forever && read(STDIN_FILENO, buf, sizeof buf) > 0)
        continue;
    if (!forever)
        return;
    for (;;)
        (void)pause();
}

int main(int argc, char **argv)
{
    struct wishes w = {.config = {.looks = 1, .log = stdout}};
    int status = 2;
    if (!read_options(argc, argv, &w)) {
        usage(argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return 1;
    struct fakeca *ca = fakeca_start(&w.config);
    for (size_t i = 0; i < w.n_scripts; i++) {
        if (!fakeca_script(ca, w.scripts[i])) {
            (void)fprintf(stderr, "fakeca: no script: %s (see --help)\n", w.scripts[i]);
            goto out;
        }
    }
    if (w.root_out != NULL && !write_root(ca, w.root_out)) {
        perror(w.root_out);
        status = 1;
        goto out;
    }
    (void)printf("directory %s\n", fakeca_directory(ca));
    (void)fflush(stdout);
    wait_for_end(w.forever);
    status = 0;
out:
    fakeca_stop(&ca);
    return status;
}
