/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's socket, without a socket: who may do what, and what a line may hold.
 */
#include "milter/control_msg.h"
#include "milter/control_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void root_changes_members_ask_others_are_refused(void **state)
{
    (void)state;
    static const struct {
        uid_t uid, self;
        gid_t own, second, group;
        enum control_right right;
    } t[] = {
        {0, 100, 0, 0, (gid_t)-1, CONTROL_CHANGE},
        {0, 0, 0, 0, (gid_t)-1, CONTROL_CHANGE},
        {100, 100, 100, 100, (gid_t)-1, CONTROL_ASK},
        {200, 100, 200, 201, 201, CONTROL_ASK},
        {200, 100, 201, 200, 201, CONTROL_ASK},
        {200, 100, 200, 202, 201, CONTROL_NOTHING},
        {200, 100, 200, 201, (gid_t)-1, CONTROL_NOTHING},
        {200, 100, (gid_t)-1, (gid_t)-1, (gid_t)-1, CONTROL_NOTHING},
        {(uid_t)-1, (uid_t)-1, 201, 201, 201, CONTROL_NOTHING},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct control_peer peer = {
            .uid = t[i].uid, .groups = {t[i].own, t[i].second}, .n_groups = 2};
        assert_int_equal(control_right(&peer, t[i].self, t[i].group), t[i].right);
    }
}

static void the_kernel_says_who_connected(void **state)
{
    int pair[2];
    struct control_peer peer;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(control_peer_of(pair[0], &peer, &err), OUT_OK);
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.groups[0], getegid());
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void deep_nesting_is_refused(void **state)
{
    struct control_command command;
    struct err err = ERR_INIT;
    char *deep = malloc(CONTROL_LINE_MAX);
    (void)state;
    assert_non_null(deep);
    memset(deep, '[', CONTROL_LINE_MAX);
    assert_int_equal(control_msg_read_request(deep, CONTROL_LINE_MAX, &command, &err), OUT_REFUSED);
    free(deep);
}

static void what_is_no_utf8_or_no_json_does_not_break_a_reply(void **state)
{
    struct control_reply reply = {.outcome = OUT_RETRY, .text = "a\xff z", .live = "not json"};
    struct control_reply back;
    struct err err = ERR_INIT;
    char out[1024];
    size_t len = 0;
    (void)state;
    assert_int_equal(control_msg_write_reply(&reply, out, sizeof out, &len, &err), OUT_OK);
    assert_int_equal(control_msg_read_reply(out, len - 1, &back, &err), OUT_OK);
    assert_int_equal(back.outcome, OUT_RETRY);
    assert_string_equal(back.text, "a? z");
    assert_string_equal(back.live, "");
    assert_int_equal(control_msg_write_reply(&reply, out, 8, &len, &err), OUT_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_changes_members_ask_others_are_refused),
        cmocka_unit_test(the_kernel_says_who_connected),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(what_is_no_utf8_or_no_json_does_not_break_a_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
