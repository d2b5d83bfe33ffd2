/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_issue - one certificate for a P-256 key, by the daemon's own parts: ACME, updates by RFC
 * 2136, durable notes, and the challenge that is seen on every name server before the CA is told
 *
 * With "nowait" that last part is left out, to be compared with clients that leave it out. What
 * it makes stays in FOLDER: account, key, chain.pem; so the first run makes an account, and the
 * next ones only order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/acme.h"
#include "base/text.h"
#include "crypto/cert.h"
#include "dns/challenge.h"
#include "dns/provider.h"
#include "milter/sysclock.h"
#include "net/http.h"
#include "store/keydir.h"
#include "store/store.h"

static const char usage[] =
    "usage: bench_issue DIRECTORY FOLDER NAME ZONE PRIMARY TSIG-FILE TRUST-ANCHOR ROOT-HINTS "
    "[nowait]\n";

struct bench {
    const char *directory, *folder, *name, *zone, *primary, *tsig, *anchor, *hints;
    bool wait;
    char state[512], run[512], keydir[512], spki_file[512], chain[512];
    struct sysclock clock;
    struct store *store;
    struct keydir *keys;
    const struct provider *provider;
    void *dns;
    struct challenge *challenge;
    struct acme *acme;
    uint8_t spki[MODEL_ID_LEN];
    struct err err;
};

static enum outcome bench_put(void *self, const char *owner, const char *value, struct err *err)
{
    struct bench *b = self;
    return challenge_ops.put(b->challenge, owner, value, err);
}

static enum outcome bench_seen(void *self, const char *owner, const char *value, struct err *err)
{
    struct bench *b = self;
    return b->wait ? challenge_ops.seen(b->challenge, owner, value, err) : OUT_OK;
}

static enum outcome bench_drop(void *self, const char *owner, const char *value, struct err *err)
{
    struct bench *b = self;
    return challenge_ops.drop(b->challenge, owner, value, err);
}

static const struct port_challenge_ops bench_challenge = {
    .put = bench_put, .seen = bench_seen, .drop = bench_drop};

static void bench_line(void *self, enum port_level level, const char *text)
{
    (void)self;
    (void)level;
    (void)fprintf(stderr, "%s\n", text);
}

static const struct port_log_ops bench_log = {.line = bench_line};

static enum outcome open_folder(struct bench *b)
{
    bool restored = false;
    if (!text_format(b->state, sizeof b->state, "%s/state", b->folder) ||
        !text_format(b->run, sizeof b->run, "%s/run", b->folder) ||
        !text_format(b->keydir, sizeof b->keydir, "%s/state/keys", b->folder) ||
        !text_format(b->spki_file, sizeof b->spki_file, "%s/spki", b->folder) ||
        !text_format(b->chain, sizeof b->chain, "%s/chain.pem", b->folder))
        return err_set(&b->err, OUT_REFUSED, "%s: too long", b->folder);
    /* There already, after the first run. */
    (void)mkdir(b->folder, 0700);
    (void)mkdir(b->state, 0700);
    (void)mkdir(b->run, 0700);
    enum outcome out = store_open(b->state, b->run, &b->store, &restored, &b->err);
    if (out == OUT_OK)
        out = keydir_open(b->keydir, getuid(), &b->keys, &b->err);
    return out;
}

/* The certificate's key: the one of the last run, or a new one. */
static enum outcome take_key(struct bench *b)
{
    char hex[2 * MODEL_ID_LEN + 2] = "";
    FILE *file = fopen(b->spki_file, "r");
    if (file != NULL) {
        bool good = fgets(hex, (int)sizeof hex, file) != NULL;
        (void)fclose(file);
        return good && text_unhex(hex, b->spki, MODEL_ID_LEN)
                   ? OUT_OK
                   : err_set(&b->err, OUT_REFUSED, "%s: no key's name", b->spki_file);
    }
    enum outcome out = keydir_ops.make(b->keys, PORT_ALG_P256, b->spki, &b->err);
    if (out != OUT_OK)
        return out;
    file = fopen(b->spki_file, "w");
    if (file == NULL || !text_hex(hex, sizeof hex, b->spki, MODEL_ID_LEN))
        return err_errno(&b->err, "%s", b->spki_file);
    bool good = fputs(hex, file) >= 0;
    return fclose(file) == 0 && good ? OUT_OK : err_errno(&b->err, "%s", b->spki_file);
}

static enum outcome open_dns(struct bench *b)
{
    const struct provider_settings settings = {
        .server = b->primary, .zone = b->zone, .key_file = b->tsig};
    b->provider = provider_find("rfc2136");
    if (b->provider == NULL)
        return err_set(&b->err, OUT_BROKEN, "no provider rfc2136");
    enum outcome out = b->provider->open(&settings, &b->dns, &b->err);
    if (out != OUT_OK)
        return out;
    const struct challenge_provider place = {b->zone, b->provider->ops, b->dns};
    const struct challenge_config config = {
        .observe = {.resolve = {.trust_anchor = b->anchor, .root_hints = b->hints}},
        .providers = &place,
        .n_providers = 1};
    return challenge_open(&config, &b->challenge, &b->err);
}

static enum outcome open_acme(struct bench *b)
{
    const struct acme_config config = {.title = "bench",
                                       .directory = b->directory,
                                       .agree = true,
                                       .challenge_wait = 60000,
                                       .order_wait = 60000};
    const struct acme_ports ports = {.clock = &sysclock_ops,
                                     .clock_self = &b->clock,
                                     .keys = &keydir_ops,
                                     .keys_self = b->keys,
                                     .loader = keydir_loader(b->keys),
                                     .certs = &cert_ops,
                                     .notes = &store_notes_ops,
                                     .notes_self = b->store,
                                     .challenge = &bench_challenge,
                                     .challenge_self = b,
                                     .log = &bench_log};
    return acme_open(&config, &ports, &b->acme, &b->err);
}

static enum outcome issue(struct bench *b)
{
    static char pem[PORT_PEM_MAX];
    const char *names[] = {b->name};
    struct port_order order = {.certificate = b->name, .names = names, .n_names = 1};
    struct port_issued issued = {.pem = pem, .size = sizeof pem};
    memcpy(order.spki, b->spki, sizeof order.spki);
    enum outcome out = acme_ops.issue(b->acme, &order, &issued, &b->err);
    if (out != OUT_OK)
        return out;
    FILE *file = fopen(b->chain, "w");
    bool good = file != NULL && fputs(pem, file) >= 0;
    return file != NULL && fclose(file) == 0 && good ? OUT_OK : err_errno(&b->err, "%s", b->chain);
}

static enum outcome run(struct bench *b)
{
    enum outcome out = http_global_init(&b->err);
    if (out == OUT_OK)
        out = sysclock_init(&b->clock, &b->err);
    if (out == OUT_OK)
        out = open_folder(b);
    if (out == OUT_OK)
        out = take_key(b);
    if (out == OUT_OK)
        out = open_dns(b);
    if (out == OUT_OK)
        out = open_acme(b);
    if (out == OUT_OK)
        out = issue(b);
    acme_close(&b->acme);
    challenge_close(&b->challenge);
    if (b->dns != NULL)
        b->provider->close(&b->dns);
    keydir_close(&b->keys);
    store_close(&b->store);
    http_global_end();
    return out;
}

int main(int argc, char **argv)
{
    static struct bench b;
    if (argc < 9 || argc > 10 || (argc == 10 && strcmp(argv[9], "nowait") != 0)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    b.directory = argv[1];
    b.folder = argv[2];
    b.name = argv[3];
    b.zone = argv[4];
    b.primary = argv[5];
    b.tsig = argv[6];
    b.anchor = argv[7];
    b.hints = argv[8];
    b.wait = argc == 9;
    (void)umask(077);
    enum outcome out = run(&b);
    if (out != OUT_OK)
        (void)fprintf(stderr, "bench_issue: %s: %s\n", err_outcome_name(out), b.err.text);
    return out == OUT_OK ? 0 : 1;
}
