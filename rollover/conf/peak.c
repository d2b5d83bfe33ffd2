/* SPDX-License-Identifier: BSD-2-Clause */
/* How large the RRset at each owner name gets (safety.md, section 3: at most 12, at its peak). */
#include "conf/check.h"

#include <string.h>

#include "base/text.h"

/* Generations of a key whose records of this combination are out at the same time: old, current and
 * next; without a standby there is no third, unless the record depends on the certificate (selector
 * 0): then a renewal that keeps the key has one of its own meanwhile. An issuer's record (usage 2)
 * and a reused key's meet only their successor. */
size_t peak_generations(enum model_strategy strategy, struct model_combo combo)
{
    if (combo.usage == 2 || strategy == MODEL_REUSE)
        return 2;
    return strategy == MODEL_STANDBY || combo.selector == 0 ? 3 : 2;
}

size_t conf_generations(const struct conf_certificate *cert)
{
    size_t most = 0;
    for (size_t i = 0; i < cert->policy.n_combos; i++) {
        size_t n = peak_generations(cert->policy.strategy, cert->policy.combos[i]);
        most = n > most ? n : most;
    }
    return most;
}

static size_t peak_of(const struct conf_certificate *cert)
{
    size_t sum = 0;
    for (size_t i = 0; i < cert->policy.n_combos; i++)
        sum += peak_generations(cert->policy.strategy, cert->policy.combos[i]) * cert->n_algs;
    return sum;
}

static bool peak_has(const struct conf_certificate *cert, const char *owner)
{
    for (size_t i = 0; i < cert->n_owners; i++) {
        if (strcmp(cert->owners[i].owner, owner) == 0)
            return true;
    }
    return false;
}

/* At one owner name: over this certificate and those before it that share the name. */
static void peak_owner(struct check *c, const struct conf *conf, size_t index, const char *owner)
{
    const struct conf_certificate *cert = &conf->certificates[index];
    size_t sum = peak_of(cert);
    char others[256];
    struct text list;
    text_init(&list, others, sizeof others);
    for (size_t i = 0; i < index; i++) {
        if (!peak_has(&conf->certificates[i], owner))
            continue;
        sum += peak_of(&conf->certificates[i]);
        text_add(&list, "%s\"%s\"", list.len == 0 ? "" : ", ", conf->certificates[i].name);
    }
    if (sum <= MODEL_RRSET_MAX)
        return;
    check_say(
        c, cert->tlsa.head.line,
        "certificate \"%s\": %s would hold up to %zu records (up to %zu generations of "
        "%zu key algorithms in %zu combinations%s%s), more than %d: use fewer keys or records",
        cert->name, owner, sum, conf_generations(cert), cert->n_algs, (size_t)cert->policy.n_combos,
        list.len == 0 ? "" : ", beside ", others, MODEL_RRSET_MAX);
}

size_t conf_peak(const struct conf *conf, const char *owner)
{
    size_t sum = 0;
    for (size_t i = 0; i < conf->n_certificates; i++) {
        if (peak_has(&conf->certificates[i], owner))
            sum += peak_of(&conf->certificates[i]);
    }
    return sum;
}

void peak_check(struct check *c, const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_certificates; i++) {
        const struct conf_certificate *cert = &conf->certificates[i];
        size_t before = c->problems;
        /* its owners have the same records: one sentence is enough */
        for (size_t k = 0; k < cert->n_owners && c->problems == before; k++)
            peak_owner(c, conf, i, cert->owners[k].owner);
    }
}
