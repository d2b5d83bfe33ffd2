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
    target.port = t->port;
    target.wrapped = t->wrapped;
    if (way % 2 == 1) {
        const char *name = t->sni != MODEL_NONE ? u->cfg->sni[t->sni] : o->host;
        size_t len = strlen(name);
        if (len > 0 && name[len - 1] == '.')
            len--;
        (void)snprintf(target.host, sizeof target.host, "%.*s", (int)len, name);
    }
    if (way / 2 > 0)
        target.alg = (enum port_alg)u->st.facts.algs[way / 2 - 1].type;
    return w->probe->attest(w->probe_self, &target, prints, n, reach, why, err);
}

static const uint8_t loopback4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
static const uint8_t loopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

static bool is_v4(const uint8_t ip[16])
{
    return memcmp(ip, loopback4, 12) == 0;
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
    if (out == OUT_OK && *reach == PORT_NOT_REACHED && u->cfg->has_via)
        out = prove_at(u, t, u->cfg->via, way, list, n, reach, why, err);
    if (out != OUT_OK || *reach != PORT_NOT_REACHED || !t->anywhere)
        return out;
    return prove_at(u, t, is_v4(t->ip) ? loopback4 : loopback6, way, list, n, reach, why, err);
}

static void note_worst(const struct unit *u, const struct unit_target *t, const char *why,
                       struct proof *proof)
{
    char ip[TEXT_IP_MAX];
    const struct engine_owner *o = &u->cfg->owners[t->owner];
    text_ip(t->ip, ip);
    (void)snprintf(proof->why, sizeof proof->why, "%s (%s) port %u%s%s: %s", o->host, ip,
                   (unsigned)t->port, t->sni != MODEL_NONE ? ", asked for " : "",
                   t->sni != MODEL_NONE ? u->cfg->sni[t->sni] : "", why);
}

/* Was the target right just before the switch? After a restart in between it is the chain's own
 * attestation that says so. */
static bool was_good(const struct unit *u, const struct unit_target *t, int way)
{
    const struct model_facts *f = &u->st.facts;
    if (u->proved_before || t->extra)
        return u->proved_before && t->good_before[way];
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

/* A service that never showed the file's chains since we started, and does not show the chains from
 * before the switch: something is wrong with it, but not by our doing, and no TLSA record of ours
 * is for it. Said once. */
static enum outcome waive(struct unit *u, struct unit_target *t, int way, const struct leaves *old,
                          const char *why, bool *waived, struct err *err)
{
    char ip[TEXT_IP_MAX], unheard[PORT_WHY_MAX] = "";
    enum port_reach reach = PORT_WRONG;
    *waived = false;
    if (!t->extra || t->proven)
        return OUT_OK;
    enum outcome out = old != NULL ? prove(u, t, way, old, NULL, &reach, unheard, err) : OUT_OK;
    *waived = out == OUT_OK && reach != PORT_GOOD;
    if (!*waived || t->said)
        return out;
    t->said = true;
    text_ip(t->ip, ip);
    unit_log(u, PORT_LOG_WARNING,
             "%s port %u, a service of master.cf without a TLSA record of ours, does not show the "
             "chains of the file and is left out of the proof: %s",
             ip, (unsigned)t->port, why);
    return OUT_OK;
}

/* One demand at one target: `*on` says whether to go on with the next. */
static enum outcome prove_way(struct unit *u, struct unit_target *t, int way,
                              const struct leaves *leaves, const struct leaves *old,
                              struct proof *proof, bool *on, struct err *err)
{
    enum port_reach reach = PORT_NOT_REACHED;
    char why[PORT_WHY_MAX] = "";
    bool waived = false;
    enum outcome out = prove(u, t, way, leaves, NULL, &reach, why, err);
    *on = true;
    if (out != OUT_OK)
        return out;
    t->good_now[way] = reach == PORT_GOOD;
    if (reach == PORT_GOOD) {
        proof->good++;
        return OUT_OK;
    }
    out = waive(u, t, way, old, why, &waived, err);
    *on = out == OUT_OK && !waived && reach == PORT_WRONG;
    if (out != OUT_OK || waived)
        return out;
    note_worst(u, t, why, proof);
    if (reach == PORT_NOT_REACHED) {
        proof->unreached++;
        return OUT_OK;
    }
    return count_wrong(u, t, way, leaves, old, proof, err);
}

/* Every demand at one target. A target that cannot be reached is not asked again in this round. */
static enum outcome prove_target(struct unit *u, struct unit_target *t, const struct leaves *leaves,
                                 const struct leaves *old, struct proof *proof, struct err *err)
{
    bool on = true, all = true;
    for (int way = 0; way < UNIT_WAYS && on; way++) {
        if ((way / 2 > 0 && !leaves->used[way / 2 - 1]) || (way % 2 == 0 && t->sni != MODEL_NONE))
            continue;
        enum outcome out = prove_way(u, t, way, leaves, old, proof, &on, err);
        if (out != OUT_OK)
            return out;
        all = all && t->good_now[way];
    }
    t->proven = t->proven || all;
    t->said = t->said && !all;
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
        out = unit_targets(u, err);
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
    char services[SAY_MAX];
    unit_say_services(u, services, sizeof services);
    bool news = false; /* said once, not while a session is waited for */
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (!f->algs[a].used || f->algs[a].current == MODEL_NONE)
            continue;
        news = news || f->chains[f->algs[a].current].attested == MODEL_NEVER;
        facts_attested(f, f->algs[a].current, u->now);
    }
    return unit_record(u, false, "attested", err,
                       news ? "proven: %zu handshakes, every address, name and algorithm, show the "
                              "chains of the file%s%s"
                            : NULL,
                       proof->good, services[0] != '\0' ? "; services " : "", services);
}

enum outcome unit_attest(struct unit *u, struct err *err)
{
    struct leaves now, old;
    struct proof proof;
    enum outcome out = leaves_of(u, false, &now, err);
    if (out == OUT_OK)
        out = leaves_of(u, true, &old, err);
    if (out == OUT_OK)
        out = unit_targets(u, err);
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
