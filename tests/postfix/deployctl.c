/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deployctl - drives keys, self-signed certificates and the Postfix port by hand, for tests
 *
 *   deployctl [-c CONFIG_DIR] [-f CHAIN_FILE] [-k KEY_FOLDER] [-p PROC] COMMAND [ARG...]
 *
 *   key ALG                  makes a key in the folder, prints the hex of its SPKI's digest
 *   issue HEX DAYS NAME...   a self-signed certificate of that key, to standard output
 *   tlsa USAGE SELECTOR MATCHING FILE    the record of the chain in a file, as in a zone file
 *   inspect FILE NAME...     what the chain in a file is
 *   install HEX=FILE...      key and chain of each algorithm into the chain file
 *   read | reload | shred | running | points | services | now
 *   older BOOT_MS            how many old server processes are left; "now" prints BOOT_MS
 *
 * Status: 0, or the outcome (1 not yet, 2 retry, 3 refused, 4 broken) with its text on standard
 * error, or 64 for wrong usage. Not part of the product: the key folder here is a plain one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "crypto/key.h"
#include "crypto/selfsigned.h"
#include "crypto/tlsa.h"
#include "postfix/deploy.h"

#define HEX_LEN (2 * (size_t)MODEL_ID_LEN)
#define USAGE 64

struct ctl {
    struct deploy deploy;
    const char *key_dir;
    int argc;
    char **argv; /* behind the command */
};

static void to_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

static bool from_hex(const char *hex, size_t len, uint8_t out[MODEL_ID_LEN])
{
    if (len != HEX_LEN)
        return false;
    for (size_t i = 0; i < MODEL_ID_LEN; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char *end = NULL;
        out[i] = (uint8_t)strtoul(pair, &end, 16);
        if (*end != '\0')
            return false;
    }
    return true;
}

/* The text of a file of less than `size` octets. */
static bool slurp(const char *path, char *out, size_t size)
{
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        perror(path);
        return false;
    }
    size_t n = fread(out, 1, size, in);
    bool good = ferror(in) == 0 && n < size;
    (void)fclose(in);
    out[good ? n : 0] = '\0';
    return good;
}

static enum outcome key_path(const struct ctl *ctl, const uint8_t spki[MODEL_ID_LEN],
                             char out[1024], struct err *err)
{
    char hex[HEX_LEN + 1];
    to_hex(spki, MODEL_ID_LEN, hex);
    int n = snprintf(out, 1024, "%s/%s.pem", ctl->key_dir != NULL ? ctl->key_dir : ".", hex);
    return n > 0 && n < 1024 ? OUT_OK : err_set(err, OUT_BROKEN, "the key folder's path is long");
}

static enum outcome load(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                         struct err *err)
{
    char path[1024];
    struct key_pem pem;
    *out = NULL;
    enum outcome res = key_path(self, spki, path, err);
    if (res != OUT_OK)
        return res;
    if (!slurp(path, pem.text, sizeof pem.text))
        return err_set(err, OUT_REFUSED, "no key %s", path);
    res = key_from_pem(pem.text, strlen(pem.text), out, err);
    key_pem_wipe(&pem);
    return res;
}

static enum outcome do_key(struct ctl *ctl, struct err *err)
{
    enum port_alg alg = PORT_ALG_P256;
    struct key *key = NULL;
    struct key_pem pem = {0};
    uint8_t spki[MODEL_ID_LEN];
    char path[1024];
    char hex[HEX_LEN + 1];
    enum outcome res = key_alg_parse(ctl->argv[0], &alg, err);
    if (res == OUT_OK)
        res = key_make(alg, &key, err);
    if (res != OUT_OK)
        return res;
    key_spki(key, spki);
    res = key_to_pem(key, &pem, err);
    key_free(&key);
    if (res == OUT_OK)
        res = key_path(ctl, spki, path, err);
    if (res == OUT_OK) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, pem.text, pem.len) != (ssize_t)pem.len || close(fd) != 0)
            res = err_errno(err, "cannot write %s", path);
    }
    key_pem_wipe(&pem);
    to_hex(spki, sizeof spki, hex);
    if (res == OUT_OK)
        (void)puts(hex);
    return res;
}

static enum outcome do_issue(struct ctl *ctl, struct err *err)
{
    struct selfsigned self = {ctl->deploy.keys, strtoll(ctl->argv[1], NULL, 10) * 86400000};
    struct port_order order = {.names = (const char *const *)&ctl->argv[2],
                               .n_names = (size_t)ctl->argc - 2};
    char pem[PORT_PEM_MAX];
    if (!from_hex(ctl->argv[0], strlen(ctl->argv[0]), order.spki))
        return err_set(err, OUT_REFUSED, "\"%s\" is no digest in hex", ctl->argv[0]);
    struct port_issued issued = {.pem = pem, .size = sizeof pem};
    enum outcome res = selfsigned_ops.issue(&self, &order, &issued, err);
    if (res == OUT_OK)
        (void)fputs(pem, stdout);
    return res;
}

static enum outcome do_tlsa(struct ctl *ctl, struct err *err)
{
    char pem[PORT_PEM_MAX];
    char hex[2 * (size_t)PORT_TLSA_MAX + 1];
    static struct port_tlsa rec;
    struct model_combo combo = {(uint8_t)strtoul(ctl->argv[0], NULL, 10),
                                (uint8_t)strtoul(ctl->argv[1], NULL, 10),
                                (uint8_t)strtoul(ctl->argv[2], NULL, 10)};
    if (!slurp(ctl->argv[3], pem, sizeof pem))
        return err_set(err, OUT_BROKEN, "cannot read %s", ctl->argv[3]);
    enum outcome res = cert_ops.tlsa(NULL, pem, combo, 1, &rec, err);
    if (res != OUT_OK)
        return res;
    to_hex(rec.data, rec.len, hex);
    (void)printf("%s %s %s %s\n", ctl->argv[0], ctl->argv[1], ctl->argv[2], hex);
    return OUT_OK;
}

static enum outcome do_inspect(struct ctl *ctl, struct err *err)
{
    char pem[PORT_PEM_MAX];
    char hex[HEX_LEN + 1];
    struct port_cert cert;
    if (!slurp(ctl->argv[0], pem, sizeof pem))
        return err_set(err, OUT_BROKEN, "cannot read %s", ctl->argv[0]);
    enum outcome res = cert_ops.inspect(NULL, pem, NULL, (const char *const *)&ctl->argv[1],
                                        (size_t)ctl->argc - 1, &cert, err);
    if (res != OUT_OK)
        return res;
    to_hex(cert.fingerprint, MODEL_ID_LEN, hex);
    (void)printf("%s names=%s fingerprint=%s not_before=%lld not_after=%lld\n",
                 key_alg_name(cert.alg), cert.names_ok ? "yes" : "no", hex,
                 (long long)(cert.not_before / 1000), (long long)(cert.not_after / 1000));
    return OUT_OK;
}

static enum outcome do_install(struct ctl *ctl, struct err *err)
{
    static char pems[PORT_PARTS_MAX][PORT_PEM_MAX];
    struct port_part parts[PORT_PARTS_MAX] = {0};
    size_t n = (size_t)ctl->argc;
    if (n > PORT_PARTS_MAX)
        return err_set(err, OUT_REFUSED, "at most %d parts", PORT_PARTS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(ctl->argv[i], '=');
        struct port_cert cert;
        if (equals == NULL ||
            !from_hex(ctl->argv[i], (size_t)(equals - ctl->argv[i]), parts[i].spki) ||
            !slurp(equals + 1, pems[i], sizeof pems[i]))
            return err_set(err, OUT_REFUSED, "\"%s\" is not HEX=FILE", ctl->argv[i]);
        enum outcome res = cert_ops.inspect(NULL, pems[i], parts[i].spki, NULL, 0, &cert, err);
        if (res != OUT_OK)
            return res;
        parts[i].alg = cert.alg;
        parts[i].chain_pem = pems[i];
    }
    return deploy_ops.install(&ctl->deploy, parts, n, NULL, 0, err);
}

static enum outcome do_read(struct ctl *ctl, struct err *err)
{
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    enum outcome res = deploy_ops.read(&ctl->deploy, parts, &n, err);
    if (res != OUT_OK)
        return res;
    for (size_t i = 0; i < n; i++) {
        char hex[HEX_LEN + 1];
        to_hex(parts[i].spki, MODEL_ID_LEN, hex);
        (void)printf("%s %s\n", key_alg_name(parts[i].alg), hex);
    }
    deploy_ops.free_parts(&ctl->deploy, parts, n);
    return OUT_OK;
}

static enum outcome do_reload(struct ctl *ctl, struct err *err)
{
    return deploy_ops.reload(&ctl->deploy, err);
}

static enum outcome do_shred(struct ctl *ctl, struct err *err)
{
    return deploy_ops.shred_old(&ctl->deploy, err);
}

static enum outcome do_running(struct ctl *ctl, struct err *err)
{
    bool up = false;
    enum outcome res = deploy_ops.running(&ctl->deploy, &up, err);
    if (res == OUT_OK)
        (void)puts(up ? "yes" : "no");
    return res;
}

static enum outcome do_points(struct ctl *ctl, struct err *err)
{
    return deploy_ops.points_here(&ctl->deploy, err);
}

static enum outcome do_older(struct ctl *ctl, struct err *err)
{
    size_t count = 0;
    enum outcome res =
        deploy_ops.older_than(&ctl->deploy, strtoll(ctl->argv[0], NULL, 10), &count, err);
    if (res == OUT_OK)
        (void)printf("%zu\n", count);
    return res;
}

static enum outcome do_now(struct ctl *ctl, struct err *err)
{
    struct timespec now;
    (void)ctl;
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        return err_errno(err, "no clock");
    (void)printf("%lld\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return OUT_OK;
}

static const struct {
    const char *name;
    int least, most; /* arguments */
    enum outcome (*run)(struct ctl *ctl, struct err *err);
} commands[] = {
    {"key", 1, 1, do_key},          {"issue", 3, 99, do_issue},    {"tlsa", 4, 4, do_tlsa},
    {"inspect", 1, 99, do_inspect}, {"install", 1, 9, do_install}, {"read", 0, 0, do_read},
    {"reload", 0, 0, do_reload},    {"shred", 0, 0, do_shred},     {"running", 0, 0, do_running},
    {"points", 0, 0, do_points},    {"older", 1, 1, do_older},     {"now", 0, 0, do_now},
};

static int run(struct ctl *ctl, const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct err err = ERR_INIT;
        if (strcmp(commands[i].name, name) != 0 || ctl->argc < commands[i].least ||
            ctl->argc > commands[i].most)
            continue;
        enum outcome out = commands[i].run(ctl, &err);
        if (out != OUT_OK)
            (void)fprintf(stderr, "deployctl: %s: %s\n", err_outcome_name(out), err.text);
        return (int)out;
    }
    (void)fprintf(stderr, "deployctl: see the head of tests/postfix/deployctl.c\n");
    return USAGE;
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.deploy = {.config_dir = "/etc/postfix",
                                 .chain_file = "/etc/postfix/chain.pem",
                                 .postfix = "/usr/sbin/postfix",
                                 .postconf = "/usr/sbin/postconf",
                                 .proc = "/proc",
                                 .timeout_ms = DEPLOY_TIMEOUT_MS,
                                 .n_kinds = 2}};
    for (int opt = getopt(argc, argv, "+c:f:k:p:"); opt != -1;
         opt = getopt(argc, argv, "+c:f:k:p:")) {
        if (opt == 'c')
            ctl.deploy.config_dir = optarg;
        else if (opt == 'f')
            ctl.deploy.chain_file = optarg;
        else if (opt == 'k')
            ctl.key_dir = optarg;
        else if (opt == 'p')
            ctl.deploy.proc = optarg;
        else
            return USAGE;
    }
    if (optind >= argc)
        return USAGE;
    ctl.deploy.keys = (struct key_loader){load, &ctl};
    ctl.argc = argc - optind - 1;
    ctl.argv = argv + optind + 1;
    return run(&ctl, argv[optind]);
}
