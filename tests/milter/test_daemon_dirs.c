/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's folders: made as they should be, and nothing of another's is given away or opened
 * (safety.md rows 54, 55). As root, because only root can give anything away; else it is skipped.
 * And who reaches the control socket: members of the group, nobody else.
 */
#define _DEFAULT_SOURCE 1 /* setgroups: BSD, not in POSIX */
#include "milter/control.h"
#include "milter/daemon.h"
#include "tests/unit/scratch.h"

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OWNER 12345
#define MEMBER 12346
#define STRANGER 12347
#define GROUP 12348

static const struct daemon_user user = {.uid = OWNER, .gid = OWNER, .name = "owner"};

static int setup(void **state)
{
    struct scratch *s = calloc(1, sizeof *s);
    assert_non_null(s);
    scratch_begin(s);
    assert_int_equal(chmod(s->dir, 0755), 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    scratch_end(*state);
    free(*state);
    return 0;
}

static void is(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);
    assert_int_equal(st.st_mode & 07777, mode);
}

static void refused(enum outcome out, const struct err *err, const char *says)
{
    print_message("%s\n", err->text);
    assert_int_equal(out, OUT_REFUSED);
    assert_non_null(strstr(err->text, says));
}

static void folders_are_made(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    char path[SCRATCH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/a//b/state", s->dir);
    size_t before = scratch_open_files();
    for (int i = 0; i < 2; i++) { /* the second finds them */
        assert_int_equal(daemon_state_dir(path, &user, &err), OUT_OK);
        is(path, OWNER, OWNER, 0700);
        is(scratch_path(s, "a"), 0, 0, 0755);
        is(scratch_path(s, "a/b"), 0, 0, 0755);
        assert_int_equal(daemon_run_dir(scratch_path(s, "run"), &user, GROUP, &err), OUT_OK);
        is(scratch_path(s, "run"), OWNER, GROUP, 0710);
        assert_int_equal(daemon_milter_dir(scratch_path(s, "m"), &user, GROUP, &err), OUT_OK);
        is(scratch_path(s, "m"), OWNER, GROUP, 02710);
    }
    assert_int_equal(daemon_run_dir(scratch_path(s, "run"), &user, DAEMON_NO_GROUP, &err), OUT_OK);
    is(scratch_path(s, "run"), OWNER, GROUP, 0700);
    assert_int_equal(scratch_open_files(), before);
}

static void what_is_anothers_stays_so(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    char file[SCRATCH_MAX], keys[SCRATCH_MAX], folder[SCRATCH_MAX];
    scratch_write(s, "secret", "root's", 0600);
    scratch_mkdir(s, "folder", 0700);
    (void)snprintf(file, sizeof file, "%s", scratch_path(s, "secret"));
    (void)snprintf(folder, sizeof folder, "%s", scratch_path(s, "folder"));
    (void)snprintf(keys, sizeof keys, "%s", scratch_path(s, "keys"));
    size_t before = scratch_open_files();
    /* A hard link of a file, a link to a folder, a folder of root's in the place of ours. */
    assert_int_equal(link(file, keys), 0);
    refused(daemon_state_dir(keys, &user, &err), &err, "not a folder");
    assert_int_equal(unlink(keys), 0);
    assert_int_equal(symlink(folder, keys), 0);
    refused(daemon_state_dir(keys, &user, &err), &err, "not a folder");
    refused(daemon_run_dir(keys, &user, GROUP, &err), &err, "not a folder");
    refused(daemon_state_dir(folder, &user, &err), &err, "must belong to");
    refused(daemon_milter_dir(folder, &user, GROUP, &err), &err, "must belong to");
    is(file, 0, 0, 0600);
    is(folder, 0, 0, 0700);
    assert_int_equal(scratch_open_files(), before);
}

static void nothing_is_made_where_another_rules(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    scratch_mkdir(s, "theirs", 0755);
    assert_int_equal(chown(scratch_path(s, "theirs"), STRANGER, STRANGER), 0);
    size_t before = scratch_open_files();
    refused(daemon_milter_dir(scratch_path(s, "theirs/a/b"), &user, GROUP, &err), &err,
            "belongs to uid");
    assert_false(scratch_exists(s, "theirs/a"));
    /* A dangling link is no invitation to make what it names. */
    assert_int_equal(symlink("nowhere", scratch_path(s, "link")), 0);
    assert_int_not_equal(daemon_state_dir(scratch_path(s, "link/state"), &user, &err), OUT_OK);
    assert_false(scratch_exists(s, "nowhere"));
    /* The last folder alone may lie in another's: as in Postfix's private/. */
    assert_int_equal(daemon_milter_dir(scratch_path(s, "theirs/m"), &user, GROUP, &err), OUT_OK);
    is(scratch_path(s, "theirs/m"), OWNER, GROUP, 02710);
    assert_int_equal(scratch_open_files(), before);
}

/* ---- the control socket ---------------------------------------------------------------------- */

static void line(void *self, enum port_level level, const char *text)
{
    (void)self;
    (void)level;
    (void)text;
}
static const struct port_log_ops silent = {line};

static void wake(void *self)
{
    (void)self;
}

enum { REACHED = 0, NOT_REACHED = 3, UNKNOWN = 4 };

/* In a process of its own: can `uid` with the further group `gid` connect, and is it let in? */
static int reach(const char *path, uid_t uid, gid_t gid)
{
    pid_t pid = fork();
    int status = 0;
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sockaddr_un sun = {.sun_family = AF_UNIX};
        (void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", path, CONTROL_SOCKET);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0 || setgroups(gid != 0, &gid) != 0 || setgid(uid) != 0 || setuid(uid) != 0)
            _exit(UNKNOWN);
        _exit(connect(fd, (const struct sockaddr *)&sun, sizeof sun) == 0 ? REACHED : NOT_REACHED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The daemon's part, as its own user in a process of its own: no root beyond this. */
static void serve(const char *path, gid_t group, int up, int end)
{
    struct err err = ERR_INIT;
    struct control *control = NULL;
    char c;
    const struct control_config config = {
        .run_dir = path, .group = group, .wake = wake, .log = &silent};
    if (daemon_drop(&user, &err) != OUT_OK || control_open(&config, &control, &err) != OUT_OK)
        _exit(EXIT_FAILURE);
    if (write(up, "", 1) != 1 || read(end, &c, 1) != 0)
        _exit(EXIT_FAILURE);
    control_close(&control);
    _exit(EXIT_SUCCESS);
}

static void try_group(struct scratch *s, gid_t group, int member)
{
    struct err err = ERR_INIT;
    int up[2], end[2], status = 0;
    char c, path[SCRATCH_MAX];
    (void)snprintf(path, sizeof path, "%s", scratch_path(s, "run"));
    assert_int_equal(daemon_run_dir(path, &user, group, &err), OUT_OK);
    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(end[1]);
        serve(path, group, up[1], end[0]);
    }
    (void)close(up[1]);
    (void)close(end[0]);
    assert_int_equal(read(up[0], &c, 1), 1);
    assert_int_equal(reach(path, MEMBER, GROUP), member);
    assert_int_equal(reach(path, STRANGER, 0), NOT_REACHED);
    assert_int_equal(reach(path, OWNER, 0), REACHED);
    assert_int_equal(reach(path, 0, 0), REACHED);
    (void)close(up[0]);
    (void)close(end[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

static void members_reach_the_control_socket_and_others_do_not(void **state)
{
    try_group(*state, GROUP, REACHED);
    try_group(*state, DAEMON_NO_GROUP, NOT_REACHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_made, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_anothers_stays_so, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_made_where_another_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(members_reach_the_control_socket_and_others_do_not, setup,
                                        teardown),
    };
    if (geteuid() != 0) {
        (void)printf("not run: only root can give folders away\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
