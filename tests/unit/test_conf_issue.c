/* SPDX-License-Identifier: BSD-2-Clause */
/* What the configuration says of CAs, providers, sockets and this host: each whole text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/conf.h"
#include "tests/unit/conf_try.h"

#define A(more)                                                                                    \
    "acme \"le\" { directory = \"https://ca.example/dir\" agree = yes\n" more "}\n" D("")
#define FROM_CA CERT("issuer = acme ca = le\n", T(""), "")

static void cas_are_judged(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {A("contact = { a@example.org, b@example.org }\n") FROM_CA, ""},
        {"acme \"le\" { agree = yes\n}\n" D("") FROM_CA,
         "%/c:1: acme \"le\" has no \"directory\": add it (URL of the CA's ACME directory)\n"},
        {"acme \"le\" { agree = yes\ndirectory = \"http://ca.example/dir\" }\n" D("") FROM_CA,
         "%/c:2: directory: \"http://ca.example/dir\" is not an https URL: take the one of the "
         "CA's ACME directory, as https://acme-staging-v02.api.letsencrypt.org/directory\n"},
        {"acme \"le\" { agree = yes\ndirectory = \"https://u@ca.example/dir\" }\n" D("") FROM_CA,
         "%/c:2: directory: \"https://u@ca.example/dir\" is not an https URL: take the one of the "
         "CA's ACME directory, as https://acme-staging-v02.api.letsencrypt.org/directory\n"},
        {A("contact = { \"mailto:a@example.org\",\npostmaster, a@example.org, a@example.org }\n")
             FROM_CA,
         "%/c:2: contact: \"mailto:a@example.org\": write the address alone, without mailto:\n"
         "%/c:3: contact: \"postmaster\" is not a mail address: write it as "
         "postmaster@example.org\n"
         "%/c:3: contact: \"a@example.org\" is there twice: drop one\n"},
        {"acme \"le\" { directory = \"https://ca.example/dir\" }\n" D("") FROM_CA,
         "%/c:1: acme \"le\": certificate \"c\" comes from there, and you did not agree to the "
         "CA's terms of service: read them (\"termsOfService\" in what https://ca.example/dir "
         "shows; danectl check shows it too), then write agree = yes\n"},
        {A("") CERT("issuer = acme\n", T(""), ""),
         "%/c:5: certificate \"c\" has issuer = acme and no \"ca\": add it (the title of a section "
         "acme)\n"},
        {A("") CERT("issuer = acme\nca = el\n", T(""), ""),
         "%/c:7: ca: there is no section acme \"el\": add it, or mend the name\n"},
        {A("") CERT("ca = le\n", T(""), ""),
         "%/c:6: ca is for issuer = acme: write that, or drop ca\n"},
        {A("") C, "note: %/c:1: acme \"le\": no certificate names it: add ca = \"le\" to one, or "
                  "drop the section\n"},
        {A("") "acme \"le\" { directory = \"https://ca.example/dir\" agree = yes }\n" FROM_CA,
         "%/c:5: found duplicate title \"le\": give each section a title of its own\n"},
        {"acme \"l e\" { directory = \"https://ca.example/dir\" }\n" D("") C,
         "%/c:1: acme \"l e\": a title has 1 to 63 letters, digits, dots, _ or -, and begins with "
         "a letter, digit or _\n"},
    };
    TRY(rows);
}

#define NAMES(names)                                                                               \
    A("")                                                                                          \
    "certificate \"c\" { issuer = acme ca = le chain_file = /c.pem\nnames = { " names              \
    " }\n" T("") "}\n"

static void names_are_those_of_a_public_ca(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {NAMES("mx.example.org, \"*.example.org.\", example.org"),
         "%/c:6: names: \"mx.example.org\" is covered by \"*.example.org\", and CAs refuse both in "
         "one certificate: drop \"mx.example.org\"\n"},
        {NAMES("\"*.example.org\", example.org"), ""},
        {NAMES("localhost, 192.0.2.1, \"*.org\""),
         "%/c:6: names: \"localhost\" is not below a public domain, and no CA gives a certificate "
         "for it: write the whole name, as mx.example.org\n"
         "%/c:6: names: \"192.0.2.1\" is an address, and a CA proves names by dns-01: write the "
         "host's name\n"
         "%/c:6: names: \"*.org\" is not below a public domain, and no CA gives a certificate for "
         "it: write the whole name, as mx.example.org\n"},
    };
    TRY(rows);
}

#define P(more) "dns \"d\" { provider = powerdns zone = example.org\n" more "}\n"
#define URL "url = \"http://127.0.0.1:8081\" "
#define API "api_key_file = \"%/api\" "

static void providers_are_judged(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {P(URL API) C, ""},
        {P("url = \"https://[2001:db8::1]:8443/\" ca_file = /ca.pem server_id = x " API) C, ""},
        {P("") C, "%/c:1: dns \"d\" has no \"url\", and provider = powerdns needs it: add it "
                  "(where its API listens, as http://127.0.0.1:8081)\n"
                  "%/c:1: dns \"d\" has no \"api_key_file\", and provider = powerdns needs it: add "
                  "it (a file that holds the api-key of pdns.conf and nothing else)\n"},
        {P(URL API "key_file = \"%/good\"\nserver = 192.0.2.1\n") C,
         "%/c:2: key_file: provider = powerdns has no use for it, it is for rfc2136: drop the "
         "line, or mend the provider\n"
         "%/c:3: server: provider = powerdns has no use for it, it is for rfc2136: drop the line, "
         "or mend the provider\n"},
        {D(API) C, "%/c:2: api_key_file: provider = rfc2136 has no use for it, it is for powerdns: "
                   "drop the line, or mend the provider\n"},
        {P("url = \"127.0.0.1:8081\" " API) C,
         "%/c:2: url: \"127.0.0.1:8081\" is not the address of an API: write it as "
         "http://127.0.0.1:8081 or https://ns1.example.org:8443, without a path\n"},
        {P("url = \"http://ns1/api/v1\" " API) C,
         "%/c:2: url: \"http://ns1/api/v1\" is not the address of an API: write it as "
         "http://127.0.0.1:8081 or https://ns1.example.org:8443, without a path\n"},
        {P("url = \"http://ns1:99999\" " API) C,
         "%/c:2: url: \"http://ns1:99999\" is not the address of an API: write it as "
         "http://127.0.0.1:8081 or https://ns1.example.org:8443, without a path\n"},
        {P(URL API "ca_file = /ca.pem\n") C,
         "%/c:2: ca_file is for https, and url begins with http: drop ca_file, or write https\n"},
        {P("url = \"http://192.0.2.1:8081\" " API) C,
         "note: %/c:2: url: over http the API key goes to 192.0.2.1 readable for everybody on the "
         "way: use https, or a tunnel to the loopback\n"},
        {P(URL API) "dns \"e\" { server = 192.0.2.1 zone = example.net key_file = \"%/good\" }\n" C,
         "note: %/c:3: dns \"e\": no certificate publishes there, and none has names in "
         "example.net.: it is used only if the CNAME of a challenge leads there; else drop it\n"},
        {P(URL API) C "certificate \"b\" { names = mx.example.org chain_file = /b.pem\n" T("") //
         "}\n",
         "%/c:8: certificate \"b\": _25._tcp.mx.example.org. belongs to certificate \"c\" (line "
         "3) too, and dns \"d\" (provider = powerdns) cannot notice when one erases what the other "
         "wrote: make them one certificate, or publish by rfc2136\n"},
        {FINE "certificate \"b\" { names = mx.example.org chain_file = /b.pem\n" T("") "}\n", ""},
    };
    conf_try_lay("api", "c2VjcmV0IQ", 0600);
    TRY(rows);
}

static void keys_of_an_api_are_guarded(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {P(URL "api_key_file = \"%/none\" ") C, "%/c:2: api_key_file: %/none does not exist\n"},
        {P(URL "api_key_file = \"%/open\" ") C,
         "%/c:2: api_key_file: %/open has mode 0644, which lets others read it: chmod g-w,o= "
         "%/open\n"},
        {P(URL "api_key_file = \"%/empty\" ") C,
         "%/c:2: api_key_file: %/empty is empty: put the key there and nothing else\n"},
        {P(URL "api_key_file = \"%/two\" ") C,
         "%/c:2: api_key_file: %/two: more than one word: it must hold the secret and nothing "
         "else\n"},
        {P(URL "api_key_file = \"%/control\" ") C,
         "%/c:2: api_key_file: %/control: the key has signs that an HTTP header cannot carry: use "
         "printable ASCII\n"},
    };
    conf_try_lay("api", "  c2VjcmV0IQ \n", 0640);
    conf_try_lay("open", "c2VjcmV0", 0644);
    conf_try_lay("empty", "\n", 0600);
    conf_try_lay("two", "c2Vj cmV0", 0600);
    conf_try_lay("control", "a\001b", 0600);
    TRY(rows);
    struct err err = ERR_INIT;
    const struct conf *conf = NULL;
    assert_int_equal(conf_try_take(P(URL API) C, &conf, &err), OUT_OK);
    assert_string_equal(conf->dns[0].api_key, "c2VjcmV0IQ");
    conf_unref(&conf);
}

#define SOCKET_ERROR                                                                               \
    " is not a path for a socket: write one of letters, digits, ., _ and -, without .. and of at " \
    "most 80 octets, as danemilter/milter\n"

static void sockets_and_groups_are_judged(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {"milter_socket = /run/x/milter control_group = adm\n" FINE, ""},
        {"milter_socket = \"\"\n" FINE, ""},
        {"milter_socket = \"unix:danemilter/milter\"\n" FINE,
         "%/c:1: milter_socket: \"unix:danemilter/milter\" has a colon: write the path alone, as "
         "danemilter/milter (only main.cf says unix: before it), or inet:8891@127.0.0.1\n"},
        {"milter_socket = \"inet:8891@127.0.0.1\"\n" FINE, ""},
        {"milter_socket = \"inet6:8891@::1\"\n" FINE, ""},
        {"milter_socket = \"inet:8891@192.0.2.1\"\n" FINE,
         "%/c:1: milter_socket: \"inet:8891@192.0.2.1\" has no address of the loopback after the "
         "@, and whoever reaches the socket from elsewhere could tell of sessions that never were: "
         "write inet:8891@127.0.0.1\n"},
        {"milter_socket = \"inet:127.0.0.1:8891\"\n" FINE,
         "%/c:1: milter_socket: \"inet:127.0.0.1:8891\" has no port from 1024 to 65535 between the "
         "colon and the @: write it as inet:8891@127.0.0.1\n"},
        {"milter_socket = \"a/../b\"\n" FINE, "%/c:1: milter_socket: \"a/../b\"" SOCKET_ERROR},
        {"milter_socket = \"a b\"\n" FINE, "%/c:1: milter_socket: \"a b\"" SOCKET_ERROR},
        {"milter_socket = \"a/\"\n" FINE, "%/c:1: milter_socket: \"a/\"" SOCKET_ERROR},
        {"control_group = \"a b\"\n" FINE,
         "%/c:1: control_group: \"a b\" is not the name of a group: write one of lower case "
         "letters, digits, _ and -, as adm\n"},
        {"notify = \"a@b@c\"\n" FINE, "%/c:1: notify: \"a@b@c\" is not a mail address: write it as "
                                      "postmaster@example.org\n"},
    };
    TRY(rows);
}

static void what_is_not_on_this_host_is_named(void **state)
{
    (void)state;
    static const struct conf_try_row rows[] = {
        {"trust_anchor = \"%/good\" control_group = root\n" FINE, ""},
        {"trust_anchor = \"%/none\"\n" FINE,
         "%/c:1: trust_anchor: %/none does not exist: install the package dns-root-data, or name "
         "the file with the root's DS records\n"},
        {"trust_anchor = \"%\"\n" FINE,
         "%/c:1: trust_anchor: % is not a file: install the package dns-root-data, or name the "
         "file with the root's DS records\n"},
        {"trust_anchor = \"%/good\"\nroot_hints = \"%/two\"\ncontrol_group = no-such-group\n" FINE,
         "%/c:2: root_hints: %/two is empty: name a file of root servers as named.root, or drop "
         "the line\n"
         "%/c:3: control_group: there is no group \"no-such-group\": make it with addgroup "
         "--system no-such-group, or name another\n"},
        {"trust_anchor = \"%/good\"\n"
         "acme \"le\" { directory = \"https://ca.example/dir\" agree = yes\nca_file = \"%/none\" "
         "}\n" D("") FROM_CA,
         "%/c:3: ca_file: %/none does not exist: name a file of certificates in PEM, or drop the "
         "line for the system's\n"},
    };
    conf_try_lay("two", "", 0600);
    conf_try_with_host(true);
    TRY(rows);
    conf_try_with_host(false);
}

static void the_peak_is_known(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct conf *conf = NULL;
    assert_int_equal(conf_try_take(D("") CERT("keys = { p256, rsa2048 }\n", T(""), "") //
                                   "certificate \"b\" { strategy = reuse names = mx.example.org "
                                   "chain_file = /b.pem\n" T("") "}\n",
                                   &conf, &err),
                     OUT_OK);
    assert_int_equal(conf_peak(conf, "_25._tcp.mx.example.org."), 3 * 2 + 2 * 1);
    assert_int_equal(conf_peak(conf, "_25._tcp.other.example.org."), 0);
    assert_int_equal(conf_generations(&conf->certificates[0]), 3);
    assert_int_equal(conf_generations(&conf->certificates[1]), 2);
    conf_unref(&conf);
}

static char *dumped(const struct conf *conf, enum conf_dump what)
{
    char *text = NULL;
    size_t len = 0;
    struct err err = ERR_INIT;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(conf_dump(conf, what, out, &err), OUT_OK);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* What is its default is left out, however it is written. */
static void only_what_differs_is_shown(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct conf *conf = NULL;
    assert_int_equal(
        conf_try_take("user = danemilter notify = a@example.org\n"
                      "policy { poll = 60s commit_window = 2d }\n" //
                      P(URL API "server_id = localhost\n")
                          CERT("keys = p256 strategy = reuse\n",
                               T("ttl = 3600 records = \"3 1 1\"\n"), "renew { margin = 2d }\n"),
                      &conf, &err),
        OUT_OK);
    char *text = dumped(conf, CONF_DUMP_CHANGED);
    char want[2048];
    assert_true(text_format(want, sizeof want,
                            "notify = \"a@example.org\"\n\ndns \"d\" {\n"
                            "    provider = \"powerdns\"\n    zone = \"example.org\"\n"
                            "    url = \"http://127.0.0.1:8081\"\n    api_key_file = \"%s\"\n}\n"
                            "\ncertificate \"c\" {\n    names = { \"mx.example.org\" }\n"
                            "    chain_file = \"/c.pem\"\n    strategy = \"reuse\"\n"
                            "    tlsa {\n        hosts = { \"mx.example.org\" }\n"
                            "        dns = \"d\"\n    }\n    renew {\n        margin = \"2 d\"\n"
                            "    }\n}\n",
                            conf_try_path("api")));
    assert_string_equal(text, want);
    free(text);
    conf_unref(&conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cas_are_judged),
        cmocka_unit_test(names_are_those_of_a_public_ca),
        cmocka_unit_test(providers_are_judged),
        cmocka_unit_test(keys_of_an_api_are_guarded),
        cmocka_unit_test(sockets_and_groups_are_judged),
        cmocka_unit_test(what_is_not_on_this_host_is_named),
        cmocka_unit_test(the_peak_is_known),
        cmocka_unit_test(only_what_differs_is_shown),
    };
    return cmocka_run_group_tests(tests, conf_try_begin, conf_try_end);
}
