/* SPDX-License-Identifier: BSD-2-Clause */
/* What others do to us: files put back, records deleted, states restored, processes ended. */
#include "tests/engine/fakekit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Pieces of a tenth of a second, each in a process of its own, until `*count` is at least `n`. */
static void run_until(struct fw *w, const unsigned *count, unsigned n)
{
    for (int i = 0; i < 1000 && *count < n; i++)
        assert_true(fw_run(w, both, 2, 100));
    assert_true(*count >= n);
}

/* A hook writes the old chain back after a switch: nothing is committed or withdrawn on the
 * strength of what was proven before. */
static void test_file_put_back(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    struct fw_file old = w->file;
    run_until(w, &w->switches, 1);
    w->file = old;
    fw_new_procs(w);
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_int_equal(w->withdrawals, 0);
    assert_memory_equal(w->file.spki, old.spki, sizeof old.spki);
    w->resume = true; /* the operator */
    assert_true(fw_run(w, both, 2, 100));
    w->resume = false;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->withdrawals > 0);
}

/* Somebody else writes the file, and the operator resumes from what it holds then, while a long
 * session holds a process that has loaded what stood there before: its records stay. */
static void test_resume_does_not_drain(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    w->procs[0].held = true;
    for (int a = 0; a < FW_ALGS; a++) {
        fw_new_key(w, both[a], w->file.spki[a]);
        fw_write_cert(w, w->file.spki[a], w->file.pem[a], FW_PEM);
    }
    fw_new_procs(w);
    unsigned broken_by_them = w->violations, reloads = w->reloads;
    w->resume = true;
    assert_true(fw_run(w, both, 2, 100));
    w->resume = false;
    assert_int_equal(w->resumes_refused, 0);
    assert_true(w->reloads > reloads); /* nobody else did */
    assert_true(fw_run(w, both, 2, 60000));
    assert_true(w->violations >= broken_by_them);
    assert_int_equal(w->withdrawals, 0);
    w->procs[0].held = false;
    fw_new_procs(w);
    assert_true(fw_run(w, both, 2, 60000));
    assert_true(w->withdrawals > 0);
}

/* main.cf names another file: `resume` says so, and what is known goes on being watched. */
static void test_resume_elsewhere(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    w->elsewhere = true;
    w->resume = true;
    assert_true(fw_run(w, both, 2, 100));
    w->resume = false;
    assert_int_equal(w->resumes_refused, 1);
    assert_true(w->stored.st.facts.adopted);
    w->elsewhere = false;
    w->resume = true;
    assert_true(fw_run(w, both, 2, 100));
    w->resume = false;
    assert_int_equal(w->resumes_refused, 1);
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->withdrawals > 0);
}

/* A hook writes the file between our last look and our rename: compare-and-swap leaves it alone. */
static void test_file_written_in_the_worst_moment(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    w->hook_writes = true;
    for (int i = 0; i < 1000 && w->hook_writes; i++)
        assert_true(fw_run(w, both, 2, 100));
    assert_false(w->hook_writes);
    assert_int_equal(w->switches, 0);
    struct fw_file theirs = w->file;
    assert_true(fw_run(w, both, 2, 30000));
    assert_int_equal(w->switches, 0);
    assert_memory_equal(w->file.pem, theirs.pem, sizeof theirs.pem);
    assert_true((w->stored.st.facts.frozen & MODEL_F_ELSEWHERE) != 0);
    assert_true(w->trouble);
}

/* Somebody reloads Postfix: one more proof, and main.cf is looked at again. */
static void test_reloaded_by_somebody(void **state)
{
    struct fw *w = *state;
    w->quiet = true;
    assert_true(fw_run(w, both, 2, 30000));
    unsigned before = w->attests;
    w->reload_at = w->boot + 5000;
    assert_true(fw_run(w, both, 2, 10000));
    assert_int_equal(w->attests, before + 6); /* one round */
    assert_int_equal(w->stored.st.facts.frozen, 0);
    w->elsewhere = true;
    w->reload_at = w->boot + 5000;
    assert_true(fw_run(w, both, 2, 10000));
    assert_int_equal(w->stored.st.facts.frozen, MODEL_F_ELSEWHERE);
    assert_int_equal(w->reload_at, 0);
    fakekit_rule(w);
}

/* A chain file that is nobody's of ours. */
/* A suspicion: one more proof, and it stands in the history; a switch is told. */
static void test_suspected(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 60000));
    assert_true(w->switches > 0);
    assert_int_equal(w->told_switched, w->switches);
    w->quiet = true;
    assert_true(fw_run(w, both, 2, 30000));
    unsigned before = w->attests, switches = w->switches;
    w->suspect_at = w->boot + 5000;
    assert_true(fw_run(w, both, 2, 10000));
    assert_int_equal(w->suspect_at, 0);
    assert_int_equal(w->attests, before + 6); /* one round */
    assert_int_equal(w->switches, switches);
    assert_int_equal(w->stored.st.facts.frozen, 0);
    assert_string_equal(w->history, "suspected: a suspicion, so the chain is proven again: three "
                                    "sessions ended after HELO");
}

static void test_foreign_file(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    fw_new_key(w, PORT_ALG_P256, w->file.spki[0]);
    fw_write_cert(w, w->file.spki[0], w->file.pem[0], FW_PEM);
    struct fw_file theirs = w->file;
    fw_new_procs(w);
    unsigned broken_by_them = w->violations;
    assert_true(fw_run(w, both, 2, 60000));
    assert_true(w->violations >= broken_by_them);
    assert_memory_equal(w->file.pem, theirs.pem, sizeof theirs.pem);
    assert_int_equal(w->withdrawals, 0);
}

/* State and keys come back from before two rollovers. */
static void test_restored_state(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 5000));
    struct fw_stored *backup = malloc(sizeof *backup);
    assert_non_null(backup);
    *backup = w->stored;
    bool keys[FW_KEYS];
    memcpy(keys, w->has_key, sizeof keys);
    assert_true(fw_run(w, both, 2, 40000));
    fakekit_rule(w);
    for (int k = 0; k < FW_KEYS; k++) /* the key folder was in the backup too */
        w->has_key[k] = w->has_key[k] || keys[k];
    struct fw_file file = w->file;
    w->stored = *backup;
    free(backup);
    for (int a = 0; a < MODEL_MAX_CHAINS; a++) /* renewals are due at once */
        w->stored.st.facts.chains[a].not_after = w->wall + INT64_C(3600) * 1000;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_memory_equal(file.spki, w->file.spki, sizeof file.spki);
}

/* The same, known to the store, while a long session holds a process from before the switch. */
static void test_restore_does_not_drain(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    w->procs[0].held = true;
    run_until(w, &w->switches, 1);
    assert_true(fw_run(w, both, 2, 1000));
    memset(w->stored.st.boot_id, 0, sizeof w->stored.st.boot_id);
    w->resume = true;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_int_equal(w->withdrawals, 0);
}

/* The operator deletes everything at the primary; the servers lag; a publication is due. */
static void test_deleted_at_primary(void **state)
{
    struct fw *w = *state;
    w->lag[0] = w->lag[1] = 1500;
    assert_true(fw_run(w, both, 2, 9000));
    for (int i = 0; i < 200 && w->switches == 0; i++)
        assert_true(fw_run(w, both, 2, 50));
    assert_true(w->switches > 0);
    memset(&w->primary, 0, sizeof w->primary);
    w->changed = w->boot;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_int_equal(w->primary.n, 0); /* leaving DANE is respected */
}

/* What is wrong after a switch goes back even when we were restarted in between. */
static void test_rollback_after_restart(void **state)
{
    struct fw *w = *state;
    w->next_wrong = true;
    w->crash_call = FW_RELOAD;
    assert_false(fw_run(w, both, 2, 30000)); /* ended between the switch and its proof */
    assert_int_equal(w->rollbacks, 0);
    assert_true(fw_run(w, both, 2, 5000));
    assert_true(w->rollbacks > 0);
    fakekit_rule(w);
}

static void test_owner_removed(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    w->stored.st.facts.owners[1].used = true;
    (void)snprintf(w->stored.st.owners[1], PORT_NAME_MAX, "_25._tcp.gone.test.");
    assert_int_equal(fw_status(w, both, 2, 3000), FW_EXIT_REFUSED);
}

static void test_wildcard_host(void **state)
{
    struct fw *w = *state;
    w->wildcard = true;
    assert_true(fw_run(w, both, 2, 20000));
    assert_int_equal(w->primary.n, 0);
    w->wildcard = false;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->primary.n > 0);
}

static void test_lost_key_is_not_published(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 2000));
    for (int k = 2; k < FW_KEYS; k++) /* the standbys; 0 and 1 are served */
        w->has_key[k] = false;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->commits > 0); /* with others, made since */
    assert_true(w->withdrawals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_put_back, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_resume_does_not_drain, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_resume_elsewhere, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_file_written_in_the_worst_moment, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_reloaded_by_somebody, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_suspected, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_file, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_restored_state, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_restore_does_not_drain, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_deleted_at_primary, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_rollback_after_restart, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_owner_removed, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_wildcard_host, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_lost_key_is_not_published, fakekit_setup,
                                        fakekit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
