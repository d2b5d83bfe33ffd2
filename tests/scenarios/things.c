/* SPDX-License-Identifier: BSD-2-Clause */
#include "things.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int things_alg(const struct sim *s, const char *name)
{
    for (int a = 0; a < s->n_algs; a++) {
        if (strcmp(s->algs[a], name) == 0)
            return a;
    }
    return -1;
}

int things_make_key(struct sim *s, int alg)
{
    int num = 0;

    if (s->n_keys == SIM_KEYS) {
        sim_fail(s, "the world has no room for another key");
        return -1;
    }
    for (int k = 0; k < s->n_keys; k++) {
        if (s->keys[k].alg == alg && s->keys[k].recorded && s->keys[k].num > num)
            num = s->keys[k].num;
    }
    s->keys[s->n_keys] = (struct sim_key){.alg = alg, .num = num + 1, .on_disk = true};
    return s->n_keys++;
}

int things_make_cert(struct sim *s, int key)
{
    int num = 0;

    if (s->n_certs == SIM_CERTS) {
        sim_fail(s, "the world has no room for another certificate");
        return -1;
    }
    for (int c = 0; c < s->n_certs; c++) {
        if (s->certs[c].key == key && s->certs[c].recorded && s->certs[c].num > num)
            num = s->certs[c].num;
    }
    s->certs[s->n_certs] = (struct sim_cert){.key = key,
                                             .num = num + 1,
                                             .names_ok = !s->ca_names_wrong,
                                             .issuer = s->ca_issuer,
                                             .not_before = s->t - HOUR,
                                             .not_after = s->t + s->validity};
    return s->n_certs++;
}

static bool same_combo(struct model_combo a, struct model_combo b)
{
    return a.usage == b.usage && a.selector == b.selector && a.matching == b.matching;
}

int things_rec(struct sim *s, struct model_combo combo, enum sim_of of, int which)
{
    for (int r = 0; r < s->n_recs; r++) {
        if (same_combo(s->recs[r].combo, combo) && s->recs[r].of == of && s->recs[r].which == which)
            return r;
    }
    if (s->n_recs == SIM_RECS) {
        sim_fail(s, "the world has no room for another record");
        return -1;
    }
    s->recs[s->n_recs] = (struct sim_rec){.combo = combo, .of = of, .which = which};
    return s->n_recs++;
}

static bool number(const char *text, int *out)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || v < 0 || v > 100000)
        return false;
    *out = (int)v;
    return true;
}

int things_find_key(const struct sim *s, const char *name)
{
    char alg[SIM_NAME];
    const char *slash = strchr(name, '/');
    int a, num;

    if (slash == NULL || (size_t)(slash - name) >= sizeof alg)
        return -1;
    memcpy(alg, name, (size_t)(slash - name));
    alg[slash - name] = '\0';
    a = things_alg(s, alg);
    if (a < 0 || !number(slash + 1, &num))
        return -1;
    for (int k = s->n_keys - 1; k >= 0; k--) {
        if (s->keys[k].alg == a && s->keys[k].num == num)
            return k;
    }
    return -1;
}

int things_key_named(struct sim *s, const char *name)
{
    int k = things_find_key(s, name);

    if (k < 0)
        sim_fail(s, "there is no key \"%s\": write algorithm/number, as in p256/2", name);
    return k;
}

int things_cert_named(struct sim *s, const char *name)
{
    char key_name[SIM_NAME];
    const char *hash = strchr(name, '#');
    int key, num;

    if (hash == NULL || (size_t)(hash - name) >= sizeof key_name || !number(hash + 1, &num)) {
        sim_fail(s, "\"%s\" is not a certificate: write key#number, as in p256/2#1", name);
        return -1;
    }
    memcpy(key_name, name, (size_t)(hash - name));
    key_name[hash - name] = '\0';
    key = things_key_named(s, key_name);
    for (int c = s->n_certs - 1; key >= 0 && c >= 0; c--) {
        if (s->certs[c].key == key && s->certs[c].num == num)
            return c;
    }
    sim_fail(s, "there is no certificate %s", name);
    return -1;
}

bool things_combo(const char *digits, struct model_combo *out)
{
    if (digits[0] < '0' || digits[0] > '3' || digits[1] < '0' || digits[1] > '1' ||
        digits[2] < '0' || digits[2] > '2')
        return false;
    *out = (struct model_combo){.usage = (uint8_t)(digits[0] - '0'),
                                .selector = (uint8_t)(digits[1] - '0'),
                                .matching = (uint8_t)(digits[2] - '0')};
    return true;
}

int things_rec_named(struct sim *s, const char *name)
{
    struct model_combo combo;
    int which;

    if (!things_combo(name, &combo) || name[3] != ':') {
        sim_fail(s, "\"%s\" is not a record: write 311:p256/2, 301:p256/2#1, 211:ca1 or 311:x1",
                 name);
        return -1;
    }
    name += 4;
    if (name[0] == 'x' && number(name + 1, &which))
        return things_rec(s, combo, SIM_OF_NOTHING, which);
    if (strncmp(name, "ca", 2) == 0 && number(name + 2, &which))
        return things_rec(s, combo, SIM_OF_ISSUER, which);
    if (strchr(name, '#') != NULL) {
        which = things_cert_named(s, name);
        return which < 0 ? -1 : things_rec(s, combo, SIM_OF_CERT, which);
    }
    which = things_key_named(s, name);
    return which < 0 ? -1 : things_rec(s, combo, SIM_OF_KEY, which);
}

static void put(char *out, size_t size, const char *text)
{
    size_t have = strlen(out), n = strlen(text);

    if (have + n + 1 > size)
        n = size - have - 1;
    memcpy(out + have, text, n);
    out[have + n] = '\0';
}

void things_key_text(const struct sim *s, int key, char out[SIM_NAME])
{
    if (key < 0 ||
        snprintf(out, SIM_NAME, "%.20s/%d", s->algs[s->keys[key].alg], s->keys[key].num) < 0)
        memcpy(out, "none", 5);
}

void things_cert_text(const struct sim *s, int cert, char out[SIM_NAME])
{
    char key[SIM_NAME];

    if (cert < 0) {
        memcpy(out, "none", 5);
        return;
    }
    things_key_text(s, s->certs[cert].key, key);
    if (snprintf(out, SIM_NAME, "%.24s#%d", key, s->certs[cert].num) < 0)
        memcpy(out, "?", 2);
}

void things_rec_text(const struct sim *s, int rec, char out[SIM_NAME])
{
    const struct sim_rec *r = &s->recs[rec];
    char of[SIM_NAME];
    int n = 0;

    if (r->of == SIM_OF_KEY)
        things_key_text(s, r->which, of);
    else if (r->of == SIM_OF_CERT)
        things_cert_text(s, r->which, of);
    else
        n = snprintf(of, sizeof of, "%s%d", r->of == SIM_OF_ISSUER ? "ca" : "x", r->which);
    if (n < 0 || snprintf(out, SIM_NAME, "%d%d%d:%.24s", r->combo.usage, r->combo.selector,
                          r->combo.matching, of) < 0)
        memcpy(out, "?", 2);
}

void things_set_text(const struct sim *s, sim_mask recs, char out[SIM_TEXT])
{
    char one[SIM_NAME];

    memcpy(out, "{", 2);
    for (int r = 0; r < s->n_recs; r++) {
        if ((recs & SIM_BIT(r)) == 0)
            continue;
        things_rec_text(s, r, one);
        if (out[1] != '\0')
            put(out, SIM_TEXT, " ");
        put(out, SIM_TEXT, one);
    }
    put(out, SIM_TEXT, "}");
}

void things_file_text(const struct sim *s, const struct sim_file *file, char out[SIM_TEXT])
{
    char one[SIM_NAME];

    memcpy(out, "[", 2);
    for (int a = 0; a < s->n_algs; a++) {
        if (file->cert[a] < 0)
            continue;
        things_cert_text(s, file->cert[a], one);
        if (out[1] != '\0')
            put(out, SIM_TEXT, " ");
        put(out, SIM_TEXT, one);
    }
    put(out, SIM_TEXT, "]");
}

bool things_matches(const struct sim *s, int cert, int rec)
{
    const struct sim_rec *r = &s->recs[rec];
    const struct sim_cert *c = &s->certs[cert];
    bool leaf = r->combo.usage == 1 || r->combo.usage == 3;

    switch (r->of) {
    case SIM_OF_KEY:
        return leaf && r->combo.selector == 1 && r->which == c->key;
    case SIM_OF_CERT:
        return leaf && r->combo.selector == 0 && r->which == cert;
    case SIM_OF_ISSUER:
        return !leaf && r->which == c->issuer;
    case SIM_OF_NOTHING:
        break;
    }
    return false;
}

bool things_accepts(const struct sim *s, int cert, int rec, int64_t t)
{
    const struct sim_cert *c = &s->certs[cert];

    if (!things_matches(s, cert, rec))
        return false;
    if (s->recs[rec].combo.usage == 3)
        return true;
    return c->names_ok && c->not_before <= t && t < c->not_after;
}

static void make_id(uint8_t id[MODEL_ID_LEN], const char *kind, unsigned a, unsigned b, int which)
{
    memset(id, 0, MODEL_ID_LEN);
    memcpy(id, kind, strlen(kind));
    id[16] = (uint8_t)a;
    id[17] = (uint8_t)b;
    id[18] = (uint8_t)(which >> 16);
    id[19] = (uint8_t)(which >> 8);
    id[20] = (uint8_t)which;
}

void things_rec_id(const struct sim *s, int rec, uint8_t id[MODEL_ID_LEN])
{
    const struct sim_rec *r = &s->recs[rec];
    unsigned combo = (unsigned)r->combo.usage * 16 + (unsigned)r->combo.selector * 4;

    make_id(id, "record", combo + r->combo.matching, (unsigned)r->of, r->which);
}

int things_rec_of_id(const struct sim *s, const uint8_t id[MODEL_ID_LEN])
{
    uint8_t have[MODEL_ID_LEN];

    for (int r = 0; r < s->n_recs; r++) {
        things_rec_id(s, r, have);
        if (memcmp(have, id, MODEL_ID_LEN) == 0)
            return r;
    }
    return -1;
}

void things_spki(int key, uint8_t spki[MODEL_ID_LEN])
{
    make_id(spki, "key", 0, 0, key);
}

int things_key_of_spki(const struct sim *s, const uint8_t spki[MODEL_ID_LEN])
{
    uint8_t have[MODEL_ID_LEN];

    for (int k = 0; k < s->n_keys; k++) {
        things_spki(k, have);
        if (memcmp(have, spki, MODEL_ID_LEN) == 0)
            return k;
    }
    return -1;
}
