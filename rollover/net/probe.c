/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/probe.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/handshake.h"
#include "crypto/key.h"
#include "net/smtp.h"

#define PROBE_HELO_MAX 256
#define PROBE_QUIT_MS 2000

struct probe {
    model_time connect;
    model_time total;
    struct handshake_client *client;
    char helo[PROBE_HELO_MAX];
};

enum outcome probe_new(const struct probe_config *config, struct probe **out, struct err *err)
{
    const char *helo = config->helo != NULL ? config->helo : "danemilter.invalid";
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL)
        return err_errno(err, "the STARTTLS probe");
    probe->connect = config->connect != 0 ? config->connect : 10000;
    probe->total = config->total != 0 ? config->total : 40000;
    int n = snprintf(probe->helo, sizeof probe->helo, "%s", helo);
    enum outcome rc = OUT_OK;
    if (n <= 0 || (size_t)n >= sizeof probe->helo)
        rc = err_set(err, OUT_REFUSED, "\"%.80s\" cannot be the name to say in EHLO", helo);
    if (rc == OUT_OK)
        rc = handshake_client_new(&probe->client, err);
    if (rc != OUT_OK) {
        free(probe);
        return rc;
    }
    *out = probe;
    return OUT_OK;
}

void probe_free(struct probe **probe)
{
    if (*probe == NULL)
        return;
    handshake_client_free(&(*probe)->client);
    free(*probe);
    *probe = NULL;
}

static void hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

static enum port_reach judge(const struct port_target *target,
                             const uint8_t (*expect)[MODEL_ID_LEN], size_t n_expect,
                             const struct handshake_result *got, char why[PORT_WHY_MAX])
{
    char id[2 * MODEL_ID_LEN + 1];
    if (target->alg != 0 && got->leaf_alg != target->alg) {
        (void)snprintf(why, PORT_WHY_MAX, "asked for %s, the certificate has %s",
                       key_alg_name(target->alg), got->leaf_name);
        return PORT_WRONG;
    }
    if (got->resumed) {
        (void)snprintf(why, PORT_WHY_MAX, "an old TLS session was resumed");
        return PORT_WRONG;
    }
    for (size_t i = 0; i < n_expect; i++) {
        if (memcmp(expect[i], got->fingerprint, MODEL_ID_LEN) == 0) {
            why[0] = '\0';
            return PORT_GOOD;
        }
    }
    hex(got->fingerprint, MODEL_ID_LEN, id);
    (void)snprintf(why, PORT_WHY_MAX, "shows another certificate, %s, SHA-256 %s", got->leaf_name,
                   id);
    return PORT_WRONG;
}

static enum outcome knock(const struct probe *probe, int fd, const struct port_target *target,
                          model_time deadline, struct handshake_result *got, struct err *err)
{
    enum outcome rc = target->wrapped ? OUT_OK : smtp_starttls(fd, probe->helo, deadline, err);
    if (rc != OUT_OK)
        return rc;
    struct handshake *hs = NULL;
    struct handshake_ask ask = {.alg = target->alg, .sni = target->host, .deadline = deadline};
    rc = handshake_start(probe->client, fd, &ask, &hs, got, err);
    if (rc != OUT_OK)
        return rc;
    struct err unheard = ERR_INIT; /* the certificate has been seen: see smtp_quit */
    model_time patience = handshake_clock() + PROBE_QUIT_MS;
    if (patience > deadline)
        patience = deadline;
    if (!target->wrapped || smtp_banner(hs, patience, &unheard) == OUT_OK)
        (void)smtp_quit(hs, patience, &unheard);
    handshake_free(&hs);
    return OUT_OK;
}

static enum outcome attest(void *self, const struct port_target *target,
                           const uint8_t (*expect)[MODEL_ID_LEN], size_t n_expect,
                           enum port_reach *out, char why[PORT_WHY_MAX], struct err *err)
{
    const struct probe *probe = self;
    model_time begin = handshake_clock();
    struct handshake_result got = {0};
    int fd = -1;
    why[0] = '\0';
    enum outcome rc = smtp_connect(target->ip, target->port, begin + probe->connect, &fd, err);
    if (rc == OUT_OK)
        rc = knock(probe, fd, target, begin + probe->total, &got, err);
    if (fd >= 0)
        (void)close(fd);
    if (rc == OUT_OK)
        *out = judge(target, expect, n_expect, &got, why);
    handshake_result_free(&got);
    if (rc == OUT_REFUSED || rc == OUT_RETRY) {
        *out = rc == OUT_REFUSED ? PORT_WRONG : PORT_NOT_REACHED;
        (void)snprintf(why, PORT_WHY_MAX, "%.*s", PORT_WHY_MAX - 1, err->text);
        err_clear(err);
        rc = OUT_OK;
    }
    return rc;
}

const struct port_probe_ops probe_ops = {.attest = attest};
