/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of the configuration: each whole text, with its line. See also test_conf_certificate.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/conf.h"
#include "tests/unit/conf_try.h"

static void what_is_right_is_taken(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {FINE, ""},
        {"# comment\n// comment\n/* more\n lines */ user = 'x' # y\n" FINE, ""},
        {"policy { poll = 2s silence = \"10 s\" }\r\n" FINE, ""},
        {"user = \"\\\"\\\\\"\n" FINE, "%/c:1: user: \"\"\\\" is not the name of a user: write one "
                                       "of lower case letters, digits, _ and -, as danemilter\n"},
        {"user = '${HOME}'\n" FINE, "%/c:1: user: \"${HOME}\" is not the name of a user: write one "
                                    "of lower case letters, digits, _ and -, as danemilter\n"},
    };
    TRY(rows);
}

static void syntax_ends_it_with_one_error(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {"notify = \"x\nuser = y\n",
         "%/c:1: this string does not end on its line: a \" is missing\n"},
        {"\nnotify = 'x\n", "%/c:2: this string does not end on its line: a ' is missing\n"},
        {"user = x\n/* a\nb\n", "%/c:2: this comment does not end: close it with */\n"},
        {"user = \"a\001b\"\n", "%/c:1: a control character (code 1): this must be a text file\n"},
        {"user = \"${HOME}\"\n",
         "%/c:1: variables of the environment are not expanded: write the value, or put ${ into "
         "single quotes\n"},
        {"user = \"a\\n\"\n",
         "%/c:1: after a backslash there can only be a backslash or the quote: write \\\\ for one "
         "backslash\n"},
        {"\n\nuser = x;\n", "%/c:3: \";\" cannot stand here: a line ends without one\n"},
        {"resolver += { 192.0.2.1 }\n",
         "%/c:1: \"+\" cannot stand here: give the whole list with =\n"},
        {"user = a*b\n", "%/c:1: \"*\" cannot stand here: put the value into quotes, or begin a "
                         "comment with #\n"},
        {"user = ${X}\n", "%/c:1: \"$\" cannot stand here: put the value into quotes, or begin a "
                          "comment with #\n"},
        {"user = m\303\274ller\n", "%/c:1: only ASCII can stand outside quotes and comments\n"},
        {"user = x\ry\n", "%/c:1: a carriage return inside a line\n"},
        {"resolver = { }\n", "%/c:1: an empty list: leave the option out\n"},
        {"# one\n# two\nfrobnicate = 3\n",
         "%/c:3: no such option \"frobnicate\": look for a misspelling, a missing section, or a "
         "value with a space that needs quotes\n"},
        {"policy {\n # one\n poll = 1 min\n}\n", "%/c:3: no such option \"min\": look for a "
                                                 "misspelling, a missing section, or a value with "
                                                 "a space that needs quotes\n"},
        {"policy {\n poll 1\n}\n",
         "%/c:2: missing equal sign after option \"poll\": write NAME = VALUE\n"},
        {"policy {\n poll = 1\n", "%/c:1: this { is not closed: a } is missing\n"},
        {"user = ", "%/c:1: premature end of file: a closing brace or a value is missing\n"},
        {"{{{{{{{{{", "%/c:1: too many open braces\n"},
        {"policy { }\n}\n", "%/c:2: unexpected closing brace: there is one too many, or an opening "
                            "one is missing\n"},
        {"dns {\n}\n", "%/c:1: missing title for section \"dns\": write the title in quotes after "
                       "the section's name\n"},
        {"dns \"x\" = 1\n", "%/c:1: missing opening brace for section \"dns\": a section is NAME { "
                            "... } or NAME \"title\" { ... }\n"},
        {"dns \"x\" { }\n\ndns \"x\" { }\n",
         "%/c:3: found duplicate title \"x\": give each section a title of its own\n"},
        {"user = { a, b }\n", "%/c:1: unexpected token \"{\": a value with signs or spaces needs "
                              "quotes, a list has commas\n"},
        {"resolver = { a b }\n",
         "%/c:1: unexpected token \"b\": a value with signs or spaces needs "
         "quotes, a list has commas\n"},
        {"certificate \"c\" {\n tlsa {\n  tls = 1\n } }\n",
         "%/c:3: no such option \"tls\": look for a misspelling, a missing section, or a value "
         "with "
         "a space that needs quotes\n"},
    };
    TRY(rows);
    /* nothing of a broken file lives on in the next one */
    struct err err = ERR_INIT;
    assert_int_equal(conf_try_load(FINE, &err), OUT_OK);
}

static void what_misses_is_named(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {"", "%/c: there is no section dns: add dns \"NAME\" { ... } (a place where records are "
             "published)\n"
             "%/c: there is no section certificate: add certificate \"NAME\" { ... } (a "
             "certificate, its keys, and the records that follow it)\n"},
        {"\ndns \"d\" {\n}\n" C,
         "%/c:2: dns \"d\" has no \"zone\": add it (the zone that changes are made in)\n"
         "%/c:2: dns \"d\" has no \"server\", and provider = rfc2136 needs it: add it (address of "
         "the "
         "primary server, as 192.0.2.53)\n"
         "%/c:2: dns \"d\" has no TSIG key, and changes that are not signed are taken from "
         "anybody: "
         "make one with tsig-keygen, give it to the server too, and add key_file\n"},
        {D("") "certificate \"c\" {\n}\n",
         "%/c:3: certificate \"c\" has no \"names\": add it (the names in the certificate)\n"
         "%/c:3: certificate \"c\" has no \"chain_file\": add it (the file that "
         "smtpd_tls_chain_files names)\n"
         "%/c:3: certificate \"c\" has no section tlsa: add it (the TLSA records of the "
         "certificate)\n"},
        {D("") CERT("", "tlsa {\n}\n", ""),
         "%/c:4: certificate.tlsa has no \"dns\": add it (title of the section dns where they are "
         "published)\n"
         "%/c:4: certificate \"c\": tlsa has neither hosts nor owners: add hosts = { "
         "\"mx.example.org\" }\n"},
        {D("") CERT("", "tlsa { hosts = mx.example.org dns = e\n}\n", ""),
         "%/c:4: dns: there is no section dns \"e\": add it, or mend the name\n"},
    };
    TRY(rows);
}

static void what_comes_twice_is_named(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {"user = a\n\nuser = b\n" FINE,
         "%/c:3: \"user\" is given more than once, first on line 1: keep one\n"},
        {"resolver = 192.0.2.1\nresolver = { 192.0.2.2, 192.0.2.3 }\n" FINE,
         "%/c:2: \"resolver\" is given more than once, first on line 1: keep one\n"},
        {"policy { }\n\npolicy {\n}\n" FINE,
         "%/c:3: a second section policy, the first is on line 1: make them one\n"},
        {D("") CERT("", T("") T(""), ""),
         "%/c:6: a second section tlsa, the first is on line 4: make them one\n"},
        {D("") CERT("keys = { p256, rsa2048,\np256 }\n", T(""), ""),
         "%/c:5: keys: \"p256\" is there twice: drop one\n"},
        {D("") "certificate \"c\" { names = { a.example, b.example,\nA.example. } chain_file = "
               "/c\n" T("") "}\n",
         "%/c:4: names: \"a.example\" is there twice: drop one\n"},
        {D("") CERT("", T("records = { \"3 1 1\", \"3 1 1\" }\n"), ""),
         "%/c:5: records: \"3 1 1\" is there twice: drop one\n"},
        {D("") CERT("", T("owners = _25._tcp.MX.example.org\n"), ""),
         "%/c:5: owners: _25._tcp.mx.example.org. is there twice: drop one\n"},
        {D("") C "certificate \"b\" { names = b.example\nchain_file = /c.pem tlsa { hosts = "
                 "b.example.org dns = d }\n}\n",
         "%/c:8: chain_file /c.pem is that of certificate \"c\" too (line 3): give each its own\n"},
    };
    TRY(rows);
}

static void values_are_judged(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {"state_dir = state\n" FINE,
         "%/c:1: state_dir: \"state\" is not an absolute path: begin it with /\n"},
        {"run_dir = /var/lib/danemilter/main\n" FINE,
         "%/c:1: run_dir is the same folder as state_dir: name one that a boot empties, as "
         "/run/danemilter/main\n"},
        {"user = \"a b\"\n" FINE, "%/c:1: user: \"a b\" is not the name of a user: write one of "
                                  "lower case letters, digits, _ and -, as danemilter\n"},
        {"user = -x\n" FINE, "%/c:1: user: \"-x\" is not the name of a user: write one of lower "
                             "case letters, digits, _ and -, as danemilter\n"},
        {"notify = postmaster\n" FINE,
         "%/c:1: notify: \"postmaster\" is not a mail address: write it as "
         "postmaster@example.org\n"},
        {"resolver = { 192.0.2.1,\nlocalhost, \"[::1]:0\", \"[::1\" }\n" FINE,
         "%/c:2: resolver: \"localhost\" is not an IP address: write it as 192.0.2.1, "
         "192.0.2.1:5353 or [2001:db8::1]:5353\n"
         "%/c:2: resolver: the port of \"[::1]:0\": 0 is outside 1 to 65535\n"
         "%/c:2: resolver: \"[::1\" is not an IP address with an optional port\n"},
        {"resolver = { 1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4, 1.1.1.5, 1.1.1.6, 1.1.1.7, 1.1.1.8, "
         "1.1.1.9 }\n" FINE,
         "%/c:1: resolver: 9 addresses, but 0 to 8 are possible\n"},
        {"resolver = 192.0.2.1\nroot_hints = /r\n" FINE,
         "%/c:2: root_hints and resolver exclude one another: drop one of them\n"},
        {"policy {\n poll = soon\n silence = 1y\n floor = 0\n past_ttl = 31d\n adopt = maybe\n}\n"
         "#\n" FINE,
         "%/c:2: poll: \"soon\" is not a duration: write a number and a unit, as in \"15 min\"\n"
         "%/c:3: silence: \"1y\" has an unknown unit: use one of ms, s, min, h, d, w\n"
         "%/c:4: floor: \"0\" is outside 1 s to 30 d\n"
         "%/c:5: past_ttl: \"31d\" is outside 0 s to 30 d\n"
         "%/c:6: adopt: \"maybe\" is neither yes nor no\n"},
        {"policy { silence = 100s\n}\n" FINE,
         "%/c:1: silence is shorter than two times poll: every wait would start again for ever; "
         "raise silence\n"},
        {"policy {\nttl_cap = 1h\n}\n" FINE,
         "%/c:2: ttl_cap is shorter than floor: raise ttl_cap\n"},
        {"dns \"a b\" { server = 192.0.2.1 zone = org key_file = \"%/good\" }\n" D("") C,
         "%/c:1: dns \"a b\": a title has 1 to 63 letters, digits, dots, _ or -, and begins with a "
         "letter, digit or _\n"},
        {D("provider = route53\n") C,
         "%/c:2: provider: \"route53\" is unknown: use one of rfc2136, powerdns\n"},
        {"dns \"d\" {\nserver = ns.example.org\nzone = \"exa mple\" key_file = \"%/good\"\n}\n" C,
         "%/c:2: server: \"ns.example.org\" is not an IP address: write it as 192.0.2.1, "
         "192.0.2.1:5353 or [2001:db8::1]:5353\n"
         "%/c:3: zone: \"exa mple\" is not a domain name: look at \"exa mple\"\n"},
    };
    TRY(rows);
}

static void many_errors_come_in_one_run_and_have_an_end(void **state)
{
    (void)state;
    static char many[32768];
    struct text text;
    struct err err = ERR_INIT;
    size_t lines = 0;
    text_init(&text, many, sizeof many);
    for (int i = 0; i < 150; i++)
        text_add(&text, "dns \"%d\" { server = x zone = org key_file = \"%%/good\" }\n", i);
    text_add(&text, "%s", FINE);
    assert_int_equal(conf_try_load(many, &err), OUT_REFUSED);
    for (const char *p = strchr(conf_try_said(), '\n'); p != NULL; p = strchr(p + 1, '\n'))
        lines++;
    assert_true(lines == CONF_PROBLEMS_MAX + 1);
    assert_non_null(strstr(err.text, " has 150 errors; the first: "));
}

static void the_file_itself_is_judged(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct conf *conf = NULL;
    char path[512];
    assert_true(text_format(path, sizeof path, "%s", conf_try_path("w")));
    struct conf_source source = {.path = path, .user = FILE_NO_OWNER};
    assert_int_equal(conf_load(&source, &conf, &err), OUT_BROKEN);
    assert_null(conf);
    assert_non_null(strstr(err.text, "/w does not exist"));
    conf_try_lay("w", FINE, 0666);
    assert_int_equal(conf_load(&source, &conf, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "which lets others change it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_taken),
        cmocka_unit_test(syntax_ends_it_with_one_error),
        cmocka_unit_test(what_misses_is_named),
        cmocka_unit_test(what_comes_twice_is_named),
        cmocka_unit_test(values_are_judged),
        cmocka_unit_test(many_errors_come_in_one_run_and_have_an_end),
        cmocka_unit_test(the_file_itself_is_judged),
    };
    return cmocka_run_group_tests(tests, conf_try_begin, conf_try_end);
}
