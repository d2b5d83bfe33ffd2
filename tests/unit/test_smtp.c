/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../prober/pki.h"
#include "../prober/server.h"
#include "crypto/handshake.h"
#include "net/smtp.h"

#define BANNER "220 mx.example.test ESMTP\r\n"
#define EHLO "250-mx.example.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
#define READY "220 2.0.0 Ready\r\n"

#define SAY(...)                                                                                   \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static enum outcome talk(const struct server_script *script, model_time patience, struct err *err)
{
    int fd = -1;
    struct server *server = server_pair(script, &fd);
    assert_int_equal(handshake_nonblocking(fd, err), OUT_OK);
    enum outcome rc = smtp_starttls(fd, "sender.test", handshake_clock() + patience, err);
    (void)close(fd);
    server_stop(&server);
    return rc;
}

static void expect(const struct server_script *script, enum outcome rc, const char *text)
{
    struct err err = ERR_INIT;
    enum outcome got = talk(script, 5000, &err);
    assert_string_equal(err.text, text);
    assert_int_equal(got, rc);
}

static void starttls_is_reached(void **state)
{
    (void)state;
    struct server_script script = {.say = SAY(BANNER, EHLO, READY), .n = 3};
    expect(&script, OUT_OK, "");
    script.trickle = true;
    expect(&script, OUT_OK, "");
    struct server_script odd = {.say = SAY("220-wait\r\n220-and wait\n220 go\n",
                                           "250-STARTTLS.test\r\n250 starttls \r\n", "220\r\n"),
                                .n = 3};
    expect(&odd, OUT_OK, "");
}

static void no_service_is_no_verdict(void **state)
{
    (void)state;
    struct server_script busy = {.say = SAY("421 4.3.2 too busy\r\n"), .n = 1};
    expect(&busy, OUT_RETRY, "no service: \"421 4.3.2 too busy\"");
    struct server_script later = {.say = SAY(BANNER, "421 going down\r\n"), .n = 2};
    expect(&later, OUT_RETRY, "no service: \"421 going down\"");
    struct server_script last = {.say = SAY(BANNER, EHLO, "421 going down\r\n"), .n = 3};
    expect(&last, OUT_RETRY, "no service: \"421 going down\"");
    struct server_script gone = {0};
    expect(&gone, OUT_RETRY, "the server closed the connection before the banner");
    struct server_script half = {.say = SAY("220-half"), .n = 1};
    expect(&half, OUT_RETRY, "the server closed the connection before the banner");
}

static void no_tls_is_a_verdict(void **state)
{
    (void)state;
    struct server_script none = {.say = SAY(BANNER, "250-mx STARTTLS\r\n250 STARTTLSX\r\n"),
                                 .n = 2};
    expect(&none, OUT_REFUSED, "STARTTLS is not offered");
    struct server_script first = {.say = SAY(BANNER, "250 STARTTLS\r\n"), .n = 2};
    expect(&first, OUT_REFUSED, "STARTTLS is not offered");
    struct server_script old = {.say = SAY(BANNER, "502 what?\r\n"), .n = 2};
    expect(&old, OUT_REFUSED, "EHLO was refused: \"502 what?\"");
    struct server_script broken = {
        .say = SAY(BANNER, EHLO, "454 4.7.0 TLS not available due to local problem\r\n"), .n = 3};
    expect(&broken, OUT_REFUSED,
           "STARTTLS was refused: \"454 4.7.0 TLS not available due to local problem\"");
}

static void injected_plaintext_is_seen(void **state)
{
    (void)state;
    struct server_script behind = {.say = SAY(BANNER, EHLO, READY "250 ok\r\n"), .n = 3};
    expect(&behind, OUT_REFUSED,
           "8 octets of plaintext were injected behind the reply to STARTTLS");
    struct server_script early = {.say = SAY(BANNER, EHLO "220 early\r\n", ""), .n = 3};
    expect(&early, OUT_REFUSED, "the server spoke out of turn before the reply to STARTTLS");
    struct server_script pipelined = {.say = SAY(BANNER EHLO, ""), .n = 2};
    expect(&pipelined, OUT_REFUSED, "the server spoke out of turn before the reply to EHLO");
}

static void what_is_no_smtp_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *banner;
        const char *text;
    } table[] = {
        {"SSH-2.0-x\r\n", "the banner is no SMTP reply: \"SSH-2.0-x\""},
        {"\r\n", "the banner is no SMTP reply: \"\""},
        {"22\r\n", "the banner is no SMTP reply: \"22\""},
        {"220x\r\n", "the banner is no SMTP reply: \"220x\""},
        {"020 x\r\n", "the banner is no SMTP reply: \"020 x\""},
        {"700 x\r\n", "the banner is no SMTP reply: \"700 x\""},
        {"220-a\r\n250 b\r\n", "the banner is no SMTP reply: \"250 b\""},
        {"220-\x1b[31m\r\nx\x07\r\n", "the banner is no SMTP reply: \"x?\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct server_script script = {.say = &table[i].banner, .n = 1, .hang = true};
        expect(&script, OUT_REFUSED, table[i].text);
    }
}

static void lines_and_replies_are_bounded(void **state)
{
    (void)state;
    static char line[200000];
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "220 ", 4);
    const char *say = line;
    struct server_script huge = {.say = &say, .n = 1, .hang = true};
    expect(&huge, OUT_REFUSED, "the banner has a line of more than 1024 octets");
    static char lines[SMTP_LINES_MAX * 6 + 32];
    for (size_t i = 0; i < SMTP_LINES_MAX; i++)
        memcpy(lines + 6 * i, "220-x\n", 6);
    say = lines;
    expect(&huge, OUT_REFUSED, "the banner has more than 100 lines");
    memcpy(lines + 6 * (SMTP_LINES_MAX - 1), "220 x\n", 7);
    struct server_script most = {.say = SAY(lines, EHLO, READY), .n = 3};
    expect(&most, OUT_OK, "");
}

static void a_silent_server_meets_the_deadline(void **state)
{
    (void)state;
    static const char *const waits[] = {"time-out while waiting for the banner",
                                        "time-out while waiting for the reply to EHLO",
                                        "time-out while waiting for the reply to STARTTLS"};
    const char *const say[] = {BANNER, EHLO};
    for (size_t n = 0; n < 3; n++) {
        struct server_script script = {.say = say, .n = n, .hang = true};
        struct err err = ERR_INIT;
        model_time from = handshake_clock();
        assert_int_equal(talk(&script, 150, &err), OUT_RETRY);
        assert_string_equal(err.text, waits[n]);
        assert_in_range(handshake_clock() - from, 150, 3000);
    }
    /* One octet each 20 ms: always busy, never done in time. */
    static char slow[400];
    memset(slow, 'x', sizeof slow - 1);
    memcpy(slow, "220 ", 4);
    const char *one = slow;
    struct server_script script = {.say = &one, .n = 1, .trickle = true};
    struct err err = ERR_INIT;
    assert_int_equal(talk(&script, 300, &err), OUT_RETRY);
    assert_string_equal(err.text, waits[0]);
}

static void the_helo_name_is_checked(void **state)
{
    (void)state;
    struct server_script script = {.say = SAY(BANNER), .n = 1, .hang = true};
    struct err err = ERR_INIT;
    int fd = -1;
    struct server *server = server_pair(&script, &fd);
    assert_int_equal(handshake_nonblocking(fd, &err), OUT_OK);
    assert_int_equal(smtp_starttls(fd, "a\r\nQUIT", handshake_clock() + 5000, &err), OUT_BROKEN);
    (void)close(fd);
    server_stop(&server);
}

static void addresses_are_printed(void **state)
{
    (void)state;
    static const uint8_t v4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    char text[SMTP_ADDRESS_MAX];
    smtp_address_text(v4, 25, text);
    assert_string_equal(text, "192.0.2.1:25");
    smtp_address_text(v6, 65535, text);
    assert_string_equal(text, "[2001:db8::1]:65535");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starttls_is_reached),
        cmocka_unit_test(no_service_is_no_verdict),
        cmocka_unit_test(no_tls_is_a_verdict),
        cmocka_unit_test(injected_plaintext_is_seen),
        cmocka_unit_test(what_is_no_smtp_is_refused),
        cmocka_unit_test(lines_and_replies_are_bounded),
        cmocka_unit_test(a_silent_server_meets_the_deadline),
        cmocka_unit_test(the_helo_name_is_checked),
        cmocka_unit_test(addresses_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
