/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine and the chain file: adoption, switch, rollback, proof. */
#include "shell.h"

#include "core/facts.h"
#include "things.h"
#include "world.h"

static void part(const struct shell *e, int alg, int8_t *chain, bool *unknown)
{
    int cert = e->s->file.cert[alg];

    *chain = MODEL_NONE;
    if (cert < 0)
        return;
    *chain = (int8_t)shell_fact_chain(e, cert);
    if (*chain < 0)
        *unknown = true;
}

void shell_adopt(struct shell *e, const struct plan_action *a)
{
    struct model_facts *f = &e->mem.facts;
    int8_t chains[MODEL_MAX_ALGS];

    for (int i = 0; i < MODEL_MAX_ALGS; i++)
        chains[i] = MODEL_NONE;
    for (int i = 0; i < e->s->n_algs; i++) {
        if (e->s->file.cert[i] >= 0)
            chains[i] = (int8_t)shell_enter_cert(e, e->s->file.cert[i], true);
    }
    facts_file_holds(f, chains, false, shell_now(e));
    f->adopted = true;
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, a);
}

/* Remembers the true time at which chains leave, as the real one notes CLOCK_BOOTTIME. */
static void file_holds(struct shell *e, const int8_t chains[MODEL_MAX_ALGS], bool rollback)
{
    struct model_facts *f = &e->mem.facts;

    for (int i = 0; i < MODEL_MAX_ALGS; i++) {
        if (f->algs[i].used && f->algs[i].current >= 0 && f->algs[i].current != chains[i])
            e->mem.left_at[f->algs[i].current] = e->s->t;
    }
    facts_file_holds(f, chains, rollback, shell_now(e));
}

static struct sim_file file_of(const struct shell *e, const int8_t chains[MODEL_MAX_ALGS])
{
    struct sim_file file;

    for (int i = 0; i < MODEL_MAX_ALGS; i++)
        file.cert[i] = chains[i] < 0 ? -1 : e->mem.cert_of[chains[i]];
    return file;
}

/* Row 43: the reload failed after the rename. Back to what was there. */
static void rebuild_back(struct shell *e, const int8_t before[MODEL_MAX_ALGS],
                         const int8_t chains[MODEL_MAX_ALGS])
{
    struct sim_file file = file_of(e, before);

    sim_say(e->s, "  reload failed: the file is rebuilt, frozen");
    world_install(e->s, &file);
    file_holds(e, chains, false);
    facts_switch_intent(&e->mem.facts, before);
    file_holds(e, before, false);
    facts_freeze(&e->mem.facts, MODEL_F_RELOAD);
    e->mem.facts.retry_switch_at = shell_now(e).steady + 6 * HOUR;
    shell_save(e);
}

void shell_switch(struct shell *e, const struct plan_action *a)
{
    struct model_facts *f = &e->mem.facts;
    struct sim_file file = file_of(e, a->chains);
    int8_t before[MODEL_MAX_ALGS];

    for (int i = 0; i < MODEL_MAX_ALGS; i++)
        before[i] = f->algs[i].used ? f->algs[i].current : MODEL_NONE;
    facts_switch_intent(f, a->chains);
    shell_save(e);
    if (shell_point(e, SHELL_AFTER_INTENT, a))
        return;
    world_install(e->s, &file);
    if (shell_point(e, SHELL_AFTER_RENAME, a))
        return;
    if (!world_reload(e->s)) {
        rebuild_back(e, before, a->chains);
        return;
    }
    if (shell_point(e, SHELL_AFTER_ACT, a))
        return;
    file_holds(e, a->chains, a->verb == PLAN_ROLLBACK);
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, a);
}

/* What new connections to this algorithm get: idle processes answer as well as new ones. */
static enum sim_proof proof(const struct shell *e, int alg)
{
    const struct sim *s = e->s;

    if (s->proof[alg] == SIM_PROOF_UNREACHED || !s->postfix_up)
        return SIM_PROOF_UNREACHED;
    if (s->proof[alg] == SIM_PROOF_WRONG)
        return SIM_PROOF_WRONG;
    for (int i = 0; i < s->n_procs; i++) {
        const struct sim_proc *p = &s->procs[i];

        if (p->dies_at == SIM_NEVER && !p->held && p->file.cert[alg] != s->file.cert[alg])
            return SIM_PROOF_WRONG;
    }
    return SIM_PROOF_GOOD;
}

void shell_attest(struct shell *e, const struct plan_action *a)
{
    struct model_facts *f = &e->mem.facts;

    world_advance_to(e->s, e->s->t + SEC);
    facts_attest_tried(f, shell_now(e));
    for (int i = 0; i < e->s->n_algs; i++) {
        enum sim_proof got = f->algs[i].current >= 0 ? proof(e, i) : SIM_PROOF_UNREACHED;

        if (got == SIM_PROOF_GOOD)
            facts_attested(f, f->algs[i].current, shell_now(e));
        else if (got == SIM_PROOF_WRONG)
            facts_wrong(f, f->algs[i].current, shell_now(e));
        if (got == SIM_PROOF_WRONG)
            sim_say(e->s, "  reached and wrong: %s", e->s->algs[i]);
    }
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &f->chains[c];

        if (chain->used && chain->left != MODEL_NEVER && chain->drained == MODEL_NEVER &&
            !world_older_than(e->s, e->mem.left_at[c]))
            facts_drained(f, c, shell_now(e));
    }
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, a);
}

/* Row 42: the file holds what these facts never knew. Its key is on disk and goes on serving. */
static void learn_file(struct shell *e)
{
    for (int i = 0; i < e->s->n_algs; i++) {
        int cert = e->s->file.cert[i];

        if (cert >= 0 && shell_fact_chain(e, cert) < 0)
            shell_enter_cert(e, cert, true);
    }
    sim_say(e->s, "engine: the file is not one that it knows: frozen");
    facts_freeze(&e->mem.facts, MODEL_F_RESTORED);
}

bool shell_file_was(struct shell *e)
{
    struct model_facts *f = &e->mem.facts;
    int8_t chains[MODEL_MAX_ALGS];
    bool unknown = false, pending = false, rollback = false, changed = false;

    if (!f->adopted)
        return true;
    for (int i = 0; i < MODEL_MAX_ALGS; i++)
        part(e, i, &chains[i], &unknown);
    if (unknown) {
        learn_file(e);
        for (int i = 0; i < MODEL_MAX_ALGS; i++)
            part(e, i, &chains[i], &unknown);
    }
    for (int i = 0; i < MODEL_MAX_ALGS; i++) {
        const struct model_alg *alg = &f->algs[i];

        pending = pending || alg->pending >= 0 || alg->pending_drop;
        changed = changed || (alg->used && alg->current != chains[i]);
        rollback = rollback || (alg->pending >= 0 && alg->pending == alg->previous &&
                                chains[i] == alg->previous);
    }
    if (!pending && !changed)
        return true;
    /* the reload may not have happened */
    if (e->s->postfix_up && !world_reload(e->s)) {
        facts_freeze(f, MODEL_F_RELOAD);
        return false;
    }
    file_holds(e, chains, rollback);
    return true;
}
