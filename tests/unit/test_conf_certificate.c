/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors in sections certificate and dns: each whole text, with its line. */
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

static void certificates_are_judged(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {D("") CERT("keys = { p256, ed25519 }\n", T(""), ""),
         "%/c:4: keys: \"ed25519\" is no key algorithm: use p256, p384, rsa2048, rsa3072 or "
         "rsa4096\n"},
        {D("") CERT("issuer = digicert\n", T(""), ""),
         "%/c:4: issuer: \"digicert\" is unknown: use one of selfsigned, acme\n"},
        {D("") CERT("strategy = new\n", T(""), ""),
         "%/c:4: strategy: \"new\" is unknown: use one of standby, reuse, fresh\n"},
        {D("") "certificate \"c\" {\nnames = { a..b, \"\", \"*.example.org\", \"x*.example\",\n"
               "-a.example, \"b\303\274cher.example\", _x.example }\n"
               "chain_file = mx.pem\n" T("") "}\n",
         "%/c:4: names: \"a..b\" has an empty label\n"
         "%/c:4: names: \"\" is not a domain name: it has 0 octets\n"
         "%/c:4: names: \"x*.example\" is not a domain name: look at \"x*\"\n"
         "%/c:5: names: \"-a.example\" is not a domain name: look at \"-a\"\n"
         "%/c:5: names: \"b\303\274cher.example\" is not ASCII: write names in other scripts as "
         "xn--\n"
         "%/c:5: names: \"_x.example\" is not a domain name: look at \"_x\"\n"
         "%/c:6: chain_file: \"mx.pem\" is not an absolute path: begin it with /\n"},
        {D("") CERT("",
                    "tlsa { dns = d hosts = {\nmx.example.com,\n\"*.example.org\",\n"
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.org"
                    " } }\n",
                    ""),
         "%/c:5: hosts: _25._tcp.mx.example.com. is not in the zone example.org. of dns \"d\"\n"
         "%/c:6: hosts: \"*.example.org\" is not a domain name: look at \"*\"\n"
         "%/c:7: hosts: "
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.org\" has a "
         "label of more than 63 octets\n"},
        {D("") CERT("", T("ports = { 25, 0, smtp }\n"), ""),
         "%/c:5: ports: 0 is outside 1 to 65535\n"
         "%/c:5: ports: \"smtp\" is not a number\n"},
        {D("") CERT("",
                    "tlsa { hosts = { a.example.org, b.example.org, c.example.org }\n"
                    "ports = { 25, 465, 587 } dns = d }\n",
                    ""),
         "%/c:4: hosts: more than 8 owner names in one certificate: split it into several\n"},
        {D("") CERT("", T("ttl = 0\n"), ""), "%/c:5: ttl: 0 is outside 1 to 604800\n"},
        {D("") CERT("", T("ttl = 1h\n"), ""), "%/c:5: ttl: \"1h\" is not a number\n"},
    };
    TRY(rows);
}

static void renewal_and_deployment_are_judged(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {D("") CERT("", "", "tlsa { dns = d owners = \"\xff\" }\nrenew { lifetime = 5 s }\n"),
         "%/c:5: no such option \"s\": look for a misspelling, a missing section, or a value with "
         "a "
         "space that needs quotes\n"},
        {D("") CERT("", T(""), "renew {\nlifetime = 30d before = 40d }\n"),
         "%/c:7: before (40 d) is not shorter than lifetime (30 d): it would renew for ever\n"},
        {D("") CERT("", T(""), "renew {\nlifetime = 9d }\n"),
         "%/c:6: margin (3 d) is not shorter than a third of lifetime (3 d): there would be no "
         "time "
         "to renew in\n"},
        {D("") CERT("", T(""), "renew {\nlifetime = 9d before = 4d\nmargin = 4d }\n"),
         "%/c:8: margin (4 d) is not shorter than before (4 d): there would be no time to renew "
         "in\n"},
        {D("") CERT("", T(""), "deploy { postfix_config = etc\nprobe_via = mx\nsni = \"a b\" }\n"),
         "%/c:6: postfix_config: \"etc\" is not an absolute path: begin it with /\n"
         "%/c:7: probe_via: \"mx\" is not an IP address: write it as 192.0.2.1, 192.0.2.1:5353 or "
         "[2001:db8::1]:5353\n"
         "%/c:8: sni: \"a b\" is not a domain name: look at \"a b\"\n"},
    };
    TRY(rows);
}

#define R(records) D("") CERT("", T("records = " records "\n"), "")

static void records_are_judged(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {R("\"0 1 1\""),
         "%/c:5: records: \"0 1 1\" has usage 0, which SMTP senders do not use (RFC "
         "7672 section 3.1.3): write \"3 1 1\"\n"},
        {R("\"1 0 2\""),
         "%/c:5: records: \"1 0 2\" has usage 1, which SMTP senders do not use (RFC "
         "7672 section 3.1.3): write \"3 1 1\"\n"},
        {R("\"4 1 1\""), "%/c:5: records: \"4 1 1\": usage is 2 or 3\n"},
        {R("\"3 2 1\""),
         "%/c:5: records: \"3 2 1\": selector is 0 (certificate) or 1 (public key)\n"},
        {R("\"3 1 3\""),
         "%/c:5: records: \"3 1 3\": matching type is 0 (whole), 1 (SHA-256) or 2 (SHA-512)\n"},
        {R("311"), "%/c:5: records: \"311\" is not usage, selector and matching type: write it as "
                   "\"3 1 1\"\n"},
        {R("\"3  1 1\""), "%/c:5: records: \"3  1 1\" is not usage, selector and matching type: "
                          "write it as \"3 1 1\"\n"},
        {R("\"2 1 1\""),
         "%/c:5: records: \"2 1 1\" names an issuer, and issuer = \"selfsigned\" has "
         "none: write \"3 1 1\"\n"},
        {D("") CERT("keys = { p256, rsa2048 }\n", T("records = { \"3 1 1\", \"3 1 2\" }\n"), ""),
         ""},
        {D("") CERT("keys = { p256, rsa2048 }\n",
                    T("records = { \"3 1 1\", \"3 1 2\", \"3 0 1\" }\n"), ""),
         "%/c:5: certificate \"c\": _25._tcp.mx.example.org. would hold up to 18 records (up to 3 "
         "generations of 2 key algorithms in 3 combinations), more than 12: use fewer keys or "
         "records\n"},
        {D("") CERT("keys = { p256, rsa2048 } strategy = reuse\n",
                    T("records = { \"3 1 1\", \"3 1 2\", \"3 0 1\" }\n"), ""),
         ""},
        {D("") CERT("keys = { p256, rsa2048, p384 }\n", T(""), "") //
         "certificate \"b\" { names = mx.example.org chain_file = /b.pem\n" T("") "}\n",
         ""},                                                               /* 9 + 3 */
        {D("") CERT("keys = { p256, p384, rsa2048, rsa3072 }\n", T(""), "") //
         "certificate \"b\" { names = mx.example.org chain_file = /b.pem\n" T("") "}\n",
         "%/c:9: certificate \"b\": _25._tcp.mx.example.org. would hold up to 15 records (up to 3 "
         "generations of 1 key algorithms in 1 combinations, beside \"c\"), more than 12: use "
         "fewer "
         "keys or records\n"},
    };
    TRY(rows);
}

#define KEY(file) D0("key_file = \"%/" file "\"\n") C

static void secrets_are_guarded(void **state)
{
    (void)state;
    static const char good[] = "key \"k\" { algorithm hmac-sha256; secret \"MDEyMzQ1Njc4OTAx\"; };";
    static const struct conf_try_row rows[] = {
        {KEY("good"), ""},
        {KEY("none"), "%/c:2: key_file: %/none does not exist\n"},
        {KEY("open"),
         "%/c:2: key_file: %/open has mode 0644, which lets others read it: chmod g-w,o= %/open\n"},
        {KEY("link"), "%/c:2: key_file: %/link is a symbolic link: put the file itself there, or "
                      "name its real path\n"},
        {D0("key_file = \"%/good\"\ntsig_name = k\n") C,
         "%/c:3: key_file already holds name and secret: drop tsig_name and secret_file\n"},
        {D0("tsig_name = k\n") C,
         "%/c:1: dns \"d\": tsig_name and secret_file come together: add secret_file\n"},
        {D0("secret_file = \"%/secret\"\n") C,
         "%/c:1: dns \"d\": tsig_name and secret_file come together: add tsig_name\n"},
        {D0("secret_file = \"%/secret\" tsig_name = k\n") C, ""},
        {D0("secret_file = \"%/two\" tsig_name = k\n") C,
         "%/c:2: secret_file: %/two: more than one word: it must hold the secret and nothing "
         "else\n"},
        {D0("secret_file = \"%/short\" tsig_name = k\n") C,
         "%/c:2: secret_file: %/short: the secret is not base64 of at least 10 octets: make a key "
         "with tsig-keygen\n"},
        {D0("secret_file = \"%/secret\" tsig_name = \"k k\"\n") C,
         "%/c:2: tsig_name: \"k k\" is not a domain name: look at \"k k\"\n"},
        {D0("secret_file = \"%/secret\" tsig_name = k\ntsig_algorithm = hmac-md5\n") C,
         "%/c:3: tsig_algorithm: the TSIG algorithm cannot be used: make a key with hmac-sha256, "
         "hmac-sha512 or hmac-sha1 (tsig-keygen -a hmac-sha256 NAME)\n"},
    };
    conf_try_lay("good", good, 0600);
    conf_try_lay("open", good, 0644);
    conf_try_lay("secret", "\n MDEyMzQ1Njc4OTAx \n", 0640);
    conf_try_lay("two", "MDEyMzQ1Njc4OTAx MDEyMzQ1Njc4OTAx", 0600);
    conf_try_lay("short", "MDEy", 0600);
    char link[512];
    assert_true(text_format(link, sizeof link, "%s", conf_try_path("link")));
    assert_int_equal(symlink(conf_try_path("good"), link), 0);
    TRY(rows);
}

#define FORM "; a key file reads: key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; };\n"
#define MISSING " is missing" FORM
#define BAD_SECRET "the secret is not base64 of at least 10 octets: make a key with tsig-keygen\n"
#define BAD_ALGORITHM                                                                              \
    "the TSIG algorithm cannot be used: make a key with hmac-sha256, hmac-sha512 or hmac-sha1 "    \
    "(tsig-keygen -a hmac-sha256 NAME)\n"

static void key_files_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *why; /* after "%/c:2: key_file: %/" */
    } rows[] = {
        {"", "k:1: \"key\"" MISSING},
        {"secret", "k:1: \"key\"" MISSING},
        {"\nkey \"a b\" { algorithm hmac-sha1;\nsecret \"MDEyMzQ1Njc4OTAx\"; };",
         "k:2: the key's name is not a domain name: make a key with tsig-keygen NAME\n"},
        {"key k\n;", "k:2: \"{\"" MISSING},
        {"key k { algorithm hmac-sha256 secret", "k:1: \";\"" MISSING},
        {"key k {\n algorithm MDEyMzQ1Njc4OTAx; }", "k:2: " BAD_ALGORITHM},
        {"key k { algorithm hmac-sha224; }", "k:1: " BAD_ALGORITHM},
        {"key k { algorithm hmac-sha384; }", "k:1: " BAD_ALGORITHM},
        {"key k {\nalgorithm hmac-sha1;\nalgorithm hmac-sha1; }", "k:3: this is given twice" FORM},
        {"key k { secret \"MDEyMzQ1Njc4OTAx\"; secret \"x\"; }", "k:1: this is given twice" FORM},
        {"key k {\n\nsecret \"MDEyMzQ1Njc4OTA\"; };", "k:3: " BAD_SECRET},
        {"key k { secret \"MDEyMzQ1Njc4OTA!\"; };", "k:1: " BAD_SECRET},
        {"key k { secret \"MDEyMzQ1Njc4OTAx; };", "k:1: a quote that is not closed" FORM},
        {"key k { owner x; };", "k:1: neither algorithm nor secret" FORM},
        {"key k { algorithm hmac-sha1; };", "k:1: the secret" MISSING},
        {"key k { secret MDEyMzQ1Njc4OTAx; };", "k:1: the algorithm" MISSING},
        {"key k { };", "k:1: the secret" MISSING},
        {"/* a", "k:1: a comment that never ends" FORM},
        {"key k { algorithm hmac-sha1; secret \"MDEyMzQ1Njc4OTAx\"; };\nkey l { };",
         "k:2: something follows the key: one key a file" FORM},
        {"key k { algorithm hmac-sha1; secret \"MDEyMzQ1Njc4OTAx\"; }", "k:1: \";\"" MISSING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        char want[1024];
        conf_try_lay("k", rows[i].file, 0600);
        assert_int_equal(conf_try_load(KEY("k"), &err), OUT_REFUSED);
        assert_true(text_format(want, sizeof want, "%%/c:2: key_file: %%/%s", rows[i].why));
        assert_string_equal(conf_try_said(), want);
        assert_null(strstr(err.text, "MDEy")); /* no part of a secret in a text */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_judged),
        cmocka_unit_test(renewal_and_deployment_are_judged),
        cmocka_unit_test(records_are_judged),
        cmocka_unit_test(secrets_are_guarded),
        cmocka_unit_test(key_files_are_judged),
    };
    return cmocka_run_group_tests(tests, conf_try_begin, conf_try_end);
}
