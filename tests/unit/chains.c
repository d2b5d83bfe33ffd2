/* SPDX-License-Identifier: BSD-2-Clause */
#include "chains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/bundle.h"
#include "pki.h"

static struct port_part *chains_part(struct chains *chains, size_t i)
{
    return i < 2 ? &chains->old[i] : &chains->new[i - 2];
}

static enum outcome chains_load(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                                struct err *err)
{
    struct chains *chains = self;
    *out = NULL;
    for (size_t i = 0; i < 4; i++) {
        if (memcmp(chains_part(chains, i)->spki, spki, MODEL_ID_LEN) == 0)
            return key_from_pem(chains->key_pem[i], strlen(chains->key_pem[i]), out, err);
    }
    return err_set(err, OUT_REFUSED, "no such key");
}

void chains_begin(struct chains *chains)
{
    memset(chains, 0, sizeof *chains);
    for (size_t i = 0; i < 4; i++) {
        struct port_part *part = chains_part(chains, i);
        part->alg = i % 2 == 0 ? PORT_ALG_P256 : PORT_ALG_RSA2048;
        struct key *key = pki_key(part->alg);
        key_spki(key, part->spki);
        part->chain_pem = pki_self(key, "mx.example.org");
        chains->key_pem[i] = pki_key_pem(key);
        key_free(&key);
    }
    chains->keys = (struct key_loader){chains_load, chains};
}

void chains_end(struct chains *chains)
{
    for (size_t i = 0; i < 4; i++) {
        free(chains_part(chains, i)->chain_pem);
        free(chains->key_pem[i]);
    }
}

char *chains_text(struct chains *chains, const struct port_part parts[2])
{
    struct err err = ERR_INIT;
    char *text = NULL;
    size_t len = 0;
    if (bundle_write(parts, 2, &chains->keys, &text, &len, &err) != OUT_OK) {
        (void)fprintf(stderr, "chains: %s\n", err.text);
        abort();
    }
    return text;
}
