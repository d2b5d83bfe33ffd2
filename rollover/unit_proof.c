/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The leaf of each algorithm's chain, by the algorithm's index. */
struct leaves {
    bool used[MODEL_MAX_ALGS];
    uint8_t print[MODEL_MAX_ALGS][MODEL_ID_LEN];
};

/* What came of one round of proofs. */
struct proof {
    size_t good, wrong, old, unreached;
    bool wrong_alg[MODEL_MAX_ALGS + 1]; /* by index, from 1; 0: whichever the server chose */
    char why[ERR_TEXT_MAX];             /* the worst of them */
};

/* The leaves in the file, or (`before`) those that it held before the switch. */
static enum outcome leaves_of(const struct unit *u, bool before, struct leaves *out,
                              struct err *err)
{
    const struct engine_world *w = u->world;
    const struct model_facts *f = &u->st.facts;
    memset(out, 0, sizeof *out);
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = f->algs[a].current;
        struct port_cert cert;
        if (!f->algs[a].used || c == MODEL_NONE)
            continue;
        if (before && f->algs[a].previous != MODEL_NONE)
            c = f->algs[a].previous;
        enum outcome res = w->certs->inspect(w->certs_self, u->st.bundles[c],
                                             f->keys[f->chains[c].key].spki, NULL, 0, &cert, err);
        if (res != OUT_OK)
            return res;
        memcpy(out->print[a], cert.fingerprint, MODEL_ID_LEN);
        out->used[a] = true;
    }
    return OUT_OK;
}

static void add_target(struct unit *u, size_t owner, const struct port_address *addr)
{
    model_time until = u->now.steady + (model_time)addr->ttl * 1000;
    for (size_t i = 0; i < u->n_targets; i++) {
        struct unit_target *t = &u->targets[i];
        if (t->owner == owner && memcmp(t->ip, addr->ip, sizeof t->ip) == 0) {
            if (until > t->until)
                t->until = until;
            return;
        }
    }
    if (u->n_targets == UNIT_TARGETS_MAX)
        return; /* refresh_targets() says so */
    struct unit_target *t = &u->targets[u->n_targets++];
    memset(t, 0, sizeof *t);
    t->owner = (uint8_t)owner;
    memcpy(t->ip, addr->ip, sizeof t->ip);
    t->until = until;
}

static void drop_old_targets(struct unit *u)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n_targets; i++) {
        if (u->targets[i].until >= u->now.steady)
            u->targets[n++] = u->targets[i];
    }
    u->n_targets = n;
}

/* Every address seen within its TTL. */
static enum outcome refresh_targets(struct unit *u, struct err *err)
{
    const struct engine_world *w = u->world;
    for (size_t o = 0; o < u->cfg->n_owners; o++) {
        struct port_address addrs[MODEL_MAX_ADDRS];
        size_t n = MODEL_MAX_ADDRS;
        enum outcome out =
            w->observe->addresses(w->observe_self, u->cfg->owners[o].host, addrs, &n, err);
        if (out != OUT_OK)
            return out;
        for (size_t i = 0; i < n; i++)
            add_target(u, o, &addrs[i]);
    }
    drop_old_targets(u); /* those seen just now keep what is known of them */
    if (u->n_targets == 0)
        return err_set(err, OUT_RETRY, "none of the hosts has an address: nothing can be proven");
    if (u->n_targets == UNIT_TARGETS_MAX)
        return err_set(err, OUT_REFUSED, "more than %d addresses to prove for one certificate",
                       UNIT_TARGETS_MAX - 1);
    return OUT_OK;
}

/* The leaves that an answer to this demand may show. */
static size_t expected(const struct leaves *l, int alg, uint8_t prints[][MODEL_ID_LEN])
{
    size_t n = 0;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (l->used[a] && (alg == 0 || a == alg - 1))
            memcpy(prints[n++], l->print[a], MODEL_ID_LEN);
    }
    return n;
}

/* One handshake; way = 2 x demand + SNI, demand 0: any algorithm, else the algorithm's index + 1.
 */
static enum outcome prove_at(struct unit *u, const struct unit_target *t, const uint8_t ip[16],
                             int way, const uint8_t (*prints)[MODEL_ID_LEN], size_t n,
                             enum port_reach *reach, char why[PORT_WHY_MAX], struct err *err)
{
    const struct engine_world *w = u->world;
    const struct engine_owner *o = &u->cfg->owners[t->owner];
    struct port_target target;
    memset(&target, 0, sizeof target);
    memcpy(target.ip, ip, sizeof target.ip);
    target.port = o->port;
    if (way % 2 == 1) {
        size_t len = strlen(o->host);
        if (len > 0 && o->host[len - 1] == '.')
            len--;
        memcpy(target.host, o->host, len);
        target.host[len] = '\0';
    }
    if (way / 2 > 0)
        target.alg = (enum port_alg)u->st.facts.algs[way / 2 - 1].type;
    return w->probe->attest(w->probe_self, &target, prints, n, reach, why, err);
}

/* At the target itself, or where the operator says that it can be reached from here. `old` may be
 * NULL: leaves that are as good. */
static enum outcome prove(struct unit *u, const struct unit_target *t, int way,
                          const struct leaves *leaves, const struct leaves *old,
                          enum port_reach *reach, char why[PORT_WHY_MAX], struct err *err)
{
    uint8_t prints[2 * MODEL_MAX_ALGS][MODEL_ID_LEN];
    size_t n = expected(leaves, way / 2, prints);
    if (old != NULL)
        n += expected(old, way / 2, prints + n);
    const uint8_t(*list)[MODEL_ID_LEN] = (const uint8_t(*)[MODEL_ID_LEN])prints;
    enum outcome out = prove_at(u, t, t->ip, way, list, n, reach, why, err);
    if (out != OUT_OK || *reach != PORT_NOT_REACHED || !u->cfg->has_via)
        return out;
    return prove_at(u, t, u->cfg->via, way, list, n, reach, why, err);
}

static void note_worst(const struct unit *u, const struct unit_target *t, const char *why,
                       struct proof *proof)
{
    char ip[TEXT_IP_MAX];
    const struct engine_owner *o = &u->cfg->owners[t->owner];
    text_ip(t->ip, ip);
    (void)snprintf(proof->why, sizeof proof->why, "%s (%s) port %u: %s", o->host, ip,
                   (unsigned)o->port, why);
}

/* Was the target right just before the switch? After a restart in between it is the chain's own
 * attestation that says so. */
static bool was_good(const struct unit *u, const struct unit_target *t, int way)
{
    const struct model_facts *f = &u->st.facts;
    if (u->proved_before)
        return t->good_before[way];
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = f->algs[a].used ? f->algs[a].previous : MODEL_NONE;
        if (c != MODEL_NONE && f->chains[c].attested == MODEL_NEVER)
            return false;
    }
    return true;
}

/* Another look at a target that showed something else: an old process, a stale tlsproxy or SNI map
 * are not the new chain's fault, and putting the file back would not help against them. Wrong is
 * only what is neither new nor old, at a target that was right before. */
static enum outcome count_wrong(struct unit *u, const struct unit_target *t, int way,
                                const struct leaves *leaves, const struct leaves *old,
                                struct proof *proof, struct err *err)
{
    char why[PORT_WHY_MAX] = "";
    enum port_reach reach = PORT_NOT_REACHED;
    enum outcome out = old != NULL ? prove(u, t, way, leaves, old, &reach, why, err) : OUT_OK;
    if (out != OUT_OK)
        return out;
    if (old == NULL || reach != PORT_WRONG || !was_good(u, t, way)) {
        proof->old++;
        return OUT_OK;
    }
    proof->wrong++;
    proof->wrong_alg[way / 2] = true;
    return OUT_OK;
}

/* Every demand at one target. A target that cannot be reached is not asked again in this round. */
static enum outcome prove_target(struct unit *u, struct unit_target *t, const struct leaves *leaves,
                                 const struct leaves *old, struct proof *proof, struct err *err)
{
    for (int way = 0; way < UNIT_WAYS; way++) {
        enum port_reach reach = PORT_NOT_REACHED;
        char why[PORT_WHY_MAX] = "";
        if (way / 2 > 0 && !leaves->used[way / 2 - 1])
            continue;
        enum outcome out = prove(u, t, way, leaves, NULL, &reach, why, err);
        if (out != OUT_OK)
            return out;
        t->good_now[way] = reach == PORT_GOOD;
        if (reach == PORT_GOOD) {
            proof->good++;
            continue;
        }
        note_worst(u, t, why, proof);
        if (reach == PORT_NOT_REACHED) {
            proof->unreached++;
            return OUT_OK;
        }
        out = count_wrong(u, t, way, leaves, old, proof, err);
        if (out != OUT_OK)
            return out;
    }
    return OUT_OK;
}

/* `old` NULL: before a switch. */
static enum outcome prove_all(struct unit *u, const struct leaves *leaves, const struct leaves *old,
                              struct proof *proof, struct err *err)
{
    memset(proof, 0, sizeof *proof);
    u->proved = MODEL_NEVER;
    for (size_t i = 0; i < u->n_targets; i++)
        memset(u->targets[i].good_now, 0, sizeof u->targets[i].good_now);
    for (size_t i = 0; i < u->n_targets; i++) {
        enum outcome out = prove_target(u, &u->targets[i], leaves, old, proof, err);
        if (out != OUT_OK)
            return out;
    }
    u->proved = u->now.steady;
    return OUT_OK;
}

static bool any_leaf(const struct leaves *l)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (l->used[a])
            return true;
    }
    return false;
}

enum outcome unit_proof_before(struct unit *u, struct err *err)
{
    struct leaves now;
    struct proof proof;
    enum outcome out = leaves_of(u, false, &now, err);
    if (out != OUT_OK || !any_leaf(&now))
        return out;
    u->proved_before = true;
    /* The planner has asked for a proof just now: once is enough. */
    if (u->proved == MODEL_NEVER || u->now.steady - u->proved > u->cfg->policy.poll) {
        for (size_t i = 0; i < u->n_targets; i++)
            memset(u->targets[i].good_now, 0, sizeof u->targets[i].good_now);
        out = refresh_targets(u, err);
        if (out == OUT_OK)
            out = prove_all(u, &now, NULL, &proof, err);
    }
    for (size_t i = 0; i < u->n_targets; i++)
        memcpy(u->targets[i].good_before, u->targets[i].good_now, sizeof u->targets[i].good_now);
    return out;
}

static void say_old_processes(struct unit *u, size_t count)
{
    if (count == u->said_old)
        return;
    u->said_old = count;
    if (count > 0)
        unit_log(u, PORT_LOG_INFO, "%zu server process%s from before the switch still run%s", count,
                 count == 1 ? "" : "es", count == 1 ? "s" : "");
    else
        unit_log(u, PORT_LOG_INFO, "no server process from before the switch is left");
}

/* Chains that left the file: has every process from before gone? */
static enum outcome look_for_drains(struct unit *u, struct err *err)
{
    const struct engine_certificate *cfg = u->cfg;
    size_t most = 0;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &u->st.facts.chains[c];
        if (!chain->used || chain->left == MODEL_NEVER || chain->drained != MODEL_NEVER)
            continue;
        size_t count = 0;
        enum outcome out = OUT_OK;
        if (u->st.switch_boot[c] != 0) /* 0: the machine was started since */
            out = cfg->deploy->older_than(cfg->deploy_self, u->st.switch_boot[c], &count, err);
        if (out != OUT_OK)
            return out;
        if (count == 0)
            facts_drained(&u->st.facts, c, u->now);
        if (count > most)
            most = count;
    }
    say_old_processes(u, most);
    return OUT_OK;
}

/* Marks the chains that the proof found wrong: those of the algorithms that were asked for by
 * name; all that changed when only an unrestricted handshake went wrong. */
static void blame(struct unit *u, const struct proof *proof)
{
    struct model_facts *f = &u->st.facts;
    bool named = false;
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        named = named || proof->wrong_alg[a + 1];
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && f->algs[a].current != MODEL_NONE &&
            f->algs[a].previous != MODEL_NONE && (!named || proof->wrong_alg[a + 1]))
            facts_wrong(f, f->algs[a].current, u->now);
    }
}

static enum outcome judge(struct unit *u, const struct proof *proof, struct err *err)
{
    struct model_facts *f = &u->st.facts;
    if (proof->wrong > 0) {
        blame(u, proof);
        return unit_record(u, false, "wrong", err, "the proof failed: %s", proof->why);
    }
    if (proof->old > 0 || proof->unreached > 0)
        return err_set(err, OUT_NOT_YET, "%zu of %zu proofs are good; %s", proof->good,
                       proof->good + proof->old + proof->unreached, proof->why);
    bool news = false; /* said once, not while a session is waited for */
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (!f->algs[a].used || f->algs[a].current == MODEL_NONE)
            continue;
        news = news || f->chains[f->algs[a].current].attested == MODEL_NEVER;
        facts_attested(f, f->algs[a].current, u->now);
    }
    return unit_record(u, false, "attested", err,
                       news ? "proven: %zu handshakes, every address, name and algorithm, show the "
                              "chains of the file"
                            : NULL,
                       proof->good);
}

enum outcome unit_attest(struct unit *u, struct err *err)
{
    struct leaves now, old;
    struct proof proof;
    enum outcome out = leaves_of(u, false, &now, err);
    if (out == OUT_OK)
        out = leaves_of(u, true, &old, err);
    if (out == OUT_OK)
        out = refresh_targets(u, err);
    if (out == OUT_OK)
        out = prove_all(u, &now, &old, &proof, err);
    if (out == OUT_OK)
        out = unit_clock(u, err);
    facts_attest_tried(&u->st.facts, u->now);
    if (out == OUT_OK)
        out = look_for_drains(u, err);
    if (out == OUT_OK)
        out = judge(u, &proof, err);
    return out;
}
