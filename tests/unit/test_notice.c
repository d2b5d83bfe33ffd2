/* SPDX-License-Identifier: BSD-2-Clause */
/* Mails to the operator: when one is due, what stands in it, and that a sendmail gets it. */
#include "milter/notice.h"
#include "milter/work.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postfix/run.h"
#include "scratch.h"

#define T0 INT64_C(1795474800000) /* 2026-11-23 23:00:00 UTC */

static void when_a_mail_is_due(void **state)
{
    static const struct {
        const char *what;
        struct notice_told told;
        const char *trouble;
        model_time now;
        enum notice_kind kind;
    } rows[] = {
        {"all is well", {0}, NULL, T0, NOTICE_NOTHING},
        {"a first trouble", {0}, "a", T0, NOTICE_FIRST},
        {"told just now", {.last = T0, .open = true, .text = "a"}, "a", T0 + 1, NOTICE_NOTHING},
        {"another text at once",
         {.last = T0, .open = true, .text = "a"},
         "b",
         T0 + NOTICE_HOUR - 1,
         NOTICE_NOTHING},
        {"another text after an hour",
         {.last = T0, .open = true, .text = "a"},
         "b",
         T0 + NOTICE_HOUR,
         NOTICE_OTHER},
        {"the same before a day",
         {.last = T0, .open = true, .text = "a"},
         "a",
         T0 + NOTICE_DAY - 1,
         NOTICE_NOTHING},
        {"the same after a day",
         {.last = T0, .open = true, .text = "a"},
         "a",
         T0 + NOTICE_DAY,
         NOTICE_AGAIN},
        {"well again", {.last = T0, .open = true, .text = "a"}, NULL, T0 + 1, NOTICE_WELL},
        {"well, and told so", {.last = T0, .open = false}, NULL, T0 + NOTICE_DAY, NOTICE_NOTHING},
        {"back within the hour", {.last = T0, .open = false}, "a", T0 + 1, NOTICE_NOTHING},
        {"back after an hour", {.last = T0, .open = false}, "a", T0 + NOTICE_HOUR, NOTICE_FIRST},
        {"it could not be handed over", {.tried = T0}, "a", T0 + NOTICE_HOUR - 1, NOTICE_NOTHING},
        {"an hour after that", {.tried = T0}, "a", T0 + NOTICE_HOUR, NOTICE_FIRST},
        {"the clock was set back",
         {.last = T0, .open = true, .text = "a"},
         "a",
         T0 - NOTICE_DAY,
         NOTICE_FIRST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum notice_kind kind = notice_decide(&rows[i].told, rows[i].trouble, rows[i].now);
        if (kind != rows[i].kind)
            fail_msg("%s: %d, not %d", rows[i].what, (int)kind, (int)rows[i].kind);
    }
}

static const struct notice_mail example = {
    .to = "ops@example.org\nBcc: all@example.org",
    .host = "mx.example.org",
    .danectl = "danectl -c /etc/d.conf",
    .certificate = "mx.example.org",
    .trouble = "the name server ns2.example.net (192.0.2.13) does not show the new record; it has "
               "not for two days\n.\nSubject: a line of its own",
    .fate = "the certificate runs out at 2026-12-01 00:00:00 UTC",
    .kind = NOTICE_FIRST,
    .since = T0,
    .now = T0 + 1000};

static void what_stands_in_it(void **state)
{
    char out[8192];
    struct err err = ERR_INIT;
    struct notice_mail well = example;
    (void)state;
    assert_int_equal(notice_compose(&example, out, sizeof out, &err), OUT_OK);
    static const char *const parts[] = {
        "To: ops@example.org Bcc: all@example.org\n",
        "Subject: danemilter on mx.example.org: mx.example.org needs attention\n",
        "Date: Mon, 23 Nov 2026 23:00:01 +0000\n",
        "Auto-Submitted: auto-generated\n",
        ", since 2026-11-23 23:00:00 UTC:\n    the name server ns2.example.net",
        "If you do nothing:\n    the certificate runs out at 2026-12-01 00:00:00 UTC\n",
        "    danectl -c /etc/d.conf status mx.example.org\n",
        "    danectl -c /etc/d.conf resume mx.example.org\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(out, parts[i]) == NULL)
            fail_msg("\"%s\" is not in:\n%s", parts[i], out);
    }
    assert_null(strstr(out, "\nBcc:"));
    assert_null(strstr(out, "\n.\n"));
    assert_null(strstr(out, "\nSubject: a line"));
    for (const char *line = out; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        assert_true(strcspn(line, "\n") < 100);
    }
    well.kind = NOTICE_WELL;
    assert_int_equal(notice_compose(&well, out, sizeof out, &err), OUT_OK);
    assert_non_null(
        strstr(out, "Subject: danemilter on mx.example.org: mx.example.org is well again\n"));
    assert_non_null(strstr(out, "It had begun at 2026-11-23 23:00:00 UTC.\n"));
    assert_int_equal(notice_compose(&example, out, 300, &err), OUT_REFUSED);
}

/* ---- with workers and a sendmail that writes down what it got ----------------------------------
 */

struct world {
    struct scratch scratch;
    char sendmail[SCRATCH_MAX];
    char note[PORT_NOTE_MAX]; /* one certificate's */
    model_time wall;
    atomic_uint complaints;
    struct work *work;
    struct notice *notice;
};

static enum outcome fake_now(void *self, struct port_time *out, struct err *err)
{
    const struct world *w = self;
    (void)err;
    memset(out, 0, sizeof *out);
    out->wall = w->wall;
    return OUT_OK;
}

static enum outcome fake_get(void *self, const char *name, char *out, size_t size, struct err *err)
{
    const struct world *w = self;
    assert_string_equal(name, "notice/mx");
    if (w->note[0] == '\0')
        return err_set(err, OUT_NOT_YET, "none");
    (void)snprintf(out, size, "%s", w->note);
    return OUT_OK;
}

static enum outcome fake_put(void *self, const char *name, const char *text, struct err *err)
{
    struct world *w = self;
    (void)err;
    assert_string_equal(name, "notice/mx");
    (void)snprintf(w->note, sizeof w->note, "%s", text);
    return OUT_OK;
}

static void fake_line(void *self, enum port_level level, const char *text)
{
    struct world *w = self;
    (void)level;
    (void)text;
    (void)atomic_fetch_add(&w->complaints, 1);
}

static enum outcome run(const char *const *argv, const char *input, int timeout_ms, struct err *err)
{
    struct run_result result;
    enum outcome out = run_program_input(argv, input, timeout_ms, &result, err);
    run_result_free(&result);
    return out;
}

static const struct port_clock_ops clock_ops = {.now = fake_now};
static const struct port_notes_ops notes_ops = {.get = fake_get, .put = fake_put};
static const struct port_log_ops log_ops = {.line = fake_line};

static void start(struct world *w)
{
    struct err err = ERR_INIT;
    assert_int_equal(work_open(NULL, NULL, &w->work, &err), OUT_OK);
    const struct notice_config config = {.to = "ops@example.org",
                                         .sendmail = w->sendmail,
                                         .host = "mx.example.org",
                                         .danectl = "danectl",
                                         .run = run,
                                         .clock = &clock_ops,
                                         .clock_self = w,
                                         .notes = &notes_ops,
                                         .notes_self = w,
                                         .work = &work_ops,
                                         .work_self = w->work,
                                         .log = &log_ops,
                                         .log_self = w};
    assert_int_equal(notice_open(&config, &w->notice, &err), OUT_OK);
}

/* Every mail that was on its way has arrived. */
static void stop(struct world *w)
{
    work_close(&w->work);
    notice_close(&w->notice);
}

/* A sendmail that keeps its arguments and its input; it fails while the file "fail" is there. */
static void begin(struct world *w)
{
    char script[4 * SCRATCH_MAX];
    memset(w, 0, sizeof *w);
    atomic_init(&w->complaints, 0);
    scratch_begin(&w->scratch);
    w->wall = T0;
    (void)snprintf(script, sizeof script,
                   "#!/bin/sh\n"
                   "[ ! -e '%s/fail' ] || { echo 'no mail today' >&2; exit 75; }\n"
                   "printf '<%%s>' \"$@\" >>'%s/argv'\n"
                   "env >'%s/env'\n"
                   "cat >>'%s/mails'\n",
                   w->scratch.dir, w->scratch.dir, w->scratch.dir, w->scratch.dir);
    scratch_write(&w->scratch, "sendmail", script, 0700);
    (void)snprintf(w->sendmail, sizeof w->sendmail, "%s", scratch_path(&w->scratch, "sendmail"));
}

static unsigned mails(struct world *w)
{
    unsigned n = 0;
    char *text = scratch_read(&w->scratch, "mails");
    for (const char *at = text; at != NULL && (at = strstr(at, "\nSubject: ")) != NULL; at++)
        n++;
    free(text);
    return n;
}

/* What a step of the engine says, and until no mail is on its way. */
static void tell(struct world *w, const char *trouble)
{
    start(w);
    notice_ops.tell(w->notice, "mx", trouble, "it runs out");
    notice_ops.tell(w->notice, "mx", trouble, "it runs out"); /* while that mail is on its way */
    stop(w);
}

static void a_trouble_from_its_beginning_to_its_end(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    tell(&w, NULL);
    assert_int_equal(mails(&w), 0);
    tell(&w, "a name server lags");
    assert_int_equal(mails(&w), 1);
    tell(&w, "a name server lags"); /* restarted: it is in the notes */
    assert_int_equal(mails(&w), 1);
    w.wall += NOTICE_DAY;
    tell(&w, "a name server lags");
    assert_int_equal(mails(&w), 2);
    tell(&w, NULL);
    assert_int_equal(mails(&w), 3);
    tell(&w, NULL);
    assert_int_equal(mails(&w), 3);
    char *text = scratch_read(&w.scratch, "mails");
    assert_non_null(strstr(text, "mx needs attention"));
    assert_non_null(strstr(text, "mx still needs attention"));
    assert_non_null(strstr(text, "mx is well again"));
    assert_non_null(strstr(text, "It had begun at 2026-11-23 23:00:00 UTC.\n"));
    free(text);
    text = scratch_read(&w.scratch, "argv");
    assert_int_equal(strncmp(text, "<-i><-f><><--><ops@example.org>", 31), 0);
    free(text);
    text = scratch_read(&w.scratch, "env");
    assert_null(strstr(text, "HOME="));
    free(text);
    assert_int_equal(atomic_load(&w.complaints), 0);
    scratch_end(&w.scratch);
}

static void a_sendmail_that_fails(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    scratch_write(&w.scratch, "fail", "", 0600);
    start(&w);
    notice_ops.tell(w.notice, "mx", "a", "b");
    while (atomic_load(&w.complaints) == 0)
        work_clock_ops.sleep(w.work, 5);
    notice_ops.tell(w.notice, "mx", "a", "b");
    stop(&w);
    assert_int_equal(atomic_load(&w.complaints), 1); /* not at once again */
    assert_int_equal(mails(&w), 0);
    assert_string_equal(w.note, ""); /* nothing was told */
    assert_int_equal(remove(scratch_path(&w.scratch, "fail")), 0);
    w.wall += NOTICE_HOUR;
    tell(&w, "a");
    assert_int_equal(mails(&w), 1);
    scratch_end(&w.scratch);
}

static void a_note_that_makes_no_sense(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    (void)snprintf(w.note, sizeof w.note, "yesterday");
    tell(&w, "a");
    assert_int_equal(atomic_load(&w.complaints), 1);
    assert_int_equal(mails(&w), 1);
    scratch_end(&w.scratch);
}

int main(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_a_mail_is_due),
        cmocka_unit_test(what_stands_in_it),
        cmocka_unit_test(a_trouble_from_its_beginning_to_its_end),
        cmocka_unit_test(a_sendmail_that_fails),
        cmocka_unit_test(a_note_that_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
