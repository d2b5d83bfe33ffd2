/* SPDX-License-Identifier: BSD-2-Clause */
/* What the configuration comes to: values, defaults, the dump, the manual page, the example. */
#include <arpa/inet.h>
#include <dirent.h>
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
#include "conf/table.h"
#include "conf/value.h"
#include "tests/unit/conf_try.h"

static const struct conf *take(const char *content)
{
    struct err err = ERR_INIT;
    const struct conf *conf = NULL;
    enum outcome out = conf_try_take(content, &conf, &err);
    assert_string_equal(conf_try_said(), "");
    assert_int_equal(out, OUT_OK);
    return conf;
}

static void same_address(const struct conf_server *server, const char *text, unsigned port)
{
    uint8_t ip[16];
    assert_int_equal(inet_pton(AF_INET6, text, ip), 1);
    assert_memory_equal(server->ip, ip, sizeof ip);
    assert_int_equal(server->port, port);
}

static void defaults_are_those_of_safety(void **state)
{
    (void)state;
    const int64_t min = 60000;
    const int64_t hour = 60 * min;
    const int64_t day = 24 * hour;
    const struct conf *conf = take(FINE);
    const struct conf_certificate *cert = &conf->certificates[0];
    const struct model_policy *p = &cert->policy;
    assert_int_equal(p->strategy, MODEL_STANDBY);
    assert_int_equal(p->n_combos, 1);
    assert_int_equal(p->combos[0].usage, 3);
    assert_int_equal(p->combos[0].selector, 1);
    assert_int_equal(p->combos[0].matching, 1);
    assert_true(p->poll == min && p->silence == hour && p->past_ttl == 2 * day);
    assert_true(p->ttl_cap == 7 * day && p->floor == day && p->delta_sender == 15 * min);
    assert_true(p->anycast_margin == 0 && p->fresh == 1000 && p->commit_max == 48 * hour);
    assert_true(p->renew_before == 0 && p->renew_margin == 3 * day && p->renew_every == 0);
    assert_true(p->compromised_drain == 5 * min && p->attest_every == 5 * min);
    assert_false(p->skip_noroute);
    assert_false(conf->policy.adopt);
    assert_true(cert->renew.lifetime == 90 * day);
    assert_int_equal(cert->n_algs, 1);
    assert_int_equal(cert->algs[0], PORT_ALG_P256);
    assert_int_equal(cert->issuer, CONF_SELFSIGNED);
    assert_int_equal(cert->tlsa.ttl, 3600);
    assert_string_equal(cert->deploy.postfix_config, "/etc/postfix");
    assert_string_equal(conf->state_dir, "/var/lib/danemilter/main");
    assert_string_equal(conf->notify, "");
    assert_int_equal(conf->n_resolvers, 0);
    assert_string_equal(cert->dns->tsig.name, "k.");
    conf_unref(&conf);
}

static const char whole[] =
    "state_dir = /s\nrun_dir = '/r'\nuser = _d\ntrust_anchor = /t\nroot_hints = \"\"\n"
    "resolver = { 192.0.2.1, \"192.0.2.2:5353\", 2001:db8::1, \"[2001:db8::2]:54\" }\n"
    "sendmail = \"/a \\\"b\\\\\"\n"
    "dns \"one\" { server = \"[::1]:5300\" zone = Example.ORG key_file = \"%/good\" }\n"
    "dns \"two\" { server = 127.0.0.1 zone = example.net. tsig_name = K.\n"
    "  tsig_algorithm = HMAC-SHA512. secret_file = \"%/secret\" }\n"
    "certificate \"mx-1.a_B\" {\n"
    "  names = { MX.example.org., \"*.example.org\" }\n"
    "  keys = { rsa2048, p384 } issuer = selfsigned chain_file = /c strategy = fresh\n"
    "  tlsa { hosts = { MX.example.org, b.example.org } ports = { 25, 465 } ttl = 60 dns = one\n"
    "    owners = { _dane.example.org, _587._tcp.c.example.org } records = { \"3 1 1\", \"3 0 2\" "
    "} }\n"
    "  renew { before = 20d margin = 2d every = 1w lifetime = 60d }\n"
    "  deploy { postfix_config = /p probe_via = \"192.0.2.9:25\" sni = A.example }\n"
    "}\n"
    "certificate \"other\" { names = x.example.net chain_file = /d\n"
    "  tlsa { hosts = x.example.net dns = two } }\n"
    "policy { poll = 1 silence = 2 past_ttl = 3s ttl_cap = 10s floor = 4s sender_timeout = 5s\n"
    "  anycast_margin = 6s fresh = 7ms commit_window = 8s compromised_drain = 9s\n"
    "  attest_every = 10s skip_unroutable = true adopt = on }\n";

static void lay_keys(void)
{
    conf_try_lay("good",
                 "# made by hand\nkey \"Key.Example\" { /* x */ algorithm HMAC-SHA256; // y\n"
                 "  secret \"MDEyMzQ1Njc4OTAx\"; };\n",
                 0640);
    conf_try_lay("secret", "YWJjZGVmZ2hpams=\n", 0600);
}

static void the_top_is_taken(void **state)
{
    (void)state;
    lay_keys();
    const struct conf *conf = take(whole);
    assert_string_equal(conf->state_dir, "/s");
    assert_string_equal(conf->run_dir, "/r");
    assert_string_equal(conf->user, "_d");
    assert_string_equal(conf->trust_anchor, "/t");
    assert_string_equal(conf->sendmail, "/a \"b\\");
    assert_string_equal(conf->path, conf_try_path("c"));
    assert_int_equal(conf->n_resolvers, 4);
    same_address(&conf->resolvers[0], "::ffff:192.0.2.1", 53);
    same_address(&conf->resolvers[1], "::ffff:192.0.2.2", 5353);
    same_address(&conf->resolvers[2], "2001:db8::1", 53);
    same_address(&conf->resolvers[3], "2001:db8::2", 54);
    assert_int_equal(conf->n_dns, 2);
    assert_string_equal(conf->dns[0].name, "one");
    assert_string_equal(conf->dns[0].apex, "example.org.");
    same_address(&conf->dns[0].server, "::1", 5300);
    assert_string_equal(conf->dns[0].tsig.name, "key.example.");
    assert_string_equal(conf->dns[0].tsig.algorithm, "hmac-sha256");
    assert_string_equal(conf->dns[0].tsig.secret, "MDEyMzQ1Njc4OTAx");
    same_address(&conf->dns[1].server, "::ffff:127.0.0.1", 53);
    assert_string_equal(conf->dns[1].tsig.name, "k.");
    assert_string_equal(conf->dns[1].tsig.algorithm, "hmac-sha512");
    assert_string_equal(conf->dns[1].tsig.secret, "YWJjZGVmZ2hpams=");
    conf_unref(&conf);
    assert_null(conf);
    conf_unref(&conf);
}

static void owner_is(const struct conf_owner *o, const char *owner, const char *host, unsigned port)
{
    assert_string_equal(o->owner, owner);
    assert_string_equal(o->host, host);
    assert_int_equal(o->port, port);
}

static void a_certificate_is_taken(void **state)
{
    (void)state;
    lay_keys();
    const struct conf *conf = take(whole);
    const struct conf_certificate *c = &conf->certificates[0];
    const struct model_policy *p = &c->policy;
    assert_int_equal(conf->n_certificates, 2);
    assert_string_equal(c->name, "mx-1.a_B");
    assert_int_equal(c->head.line, 11);
    assert_int_equal(c->names.n, 2);
    assert_string_equal(c->names.items[0], "mx.example.org");
    assert_string_equal(c->names.items[1], "*.example.org");
    assert_int_equal(c->n_algs, 2);
    assert_int_equal(c->algs[0], PORT_ALG_RSA2048);
    assert_int_equal(c->algs[1], PORT_ALG_P384);
    assert_string_equal(c->chain_file, "/c");
    assert_ptr_equal(c->dns, &conf->dns[0]);
    assert_ptr_equal(conf->certificates[1].dns, &conf->dns[1]);
    assert_int_equal(c->n_owners, 6);
    owner_is(&c->owners[0], "_25._tcp.mx.example.org.", "mx.example.org", 25);
    owner_is(&c->owners[1], "_465._tcp.mx.example.org.", "mx.example.org", 465);
    owner_is(&c->owners[3], "_465._tcp.b.example.org.", "b.example.org", 465);
    owner_is(&c->owners[4], "_dane.example.org.", "", 0);
    owner_is(&c->owners[5], "_587._tcp.c.example.org.", "c.example.org", 587);
    assert_int_equal(p->strategy, MODEL_FRESH);
    assert_int_equal(p->n_combos, 2);
    assert_int_equal(p->combos[1].selector, 0);
    assert_int_equal(p->combos[1].matching, 2);
    assert_int_equal(c->tlsa.ttl, 60);
    assert_true(p->poll == 1000 && p->silence == 2000 && p->past_ttl == 3000);
    assert_true(p->floor == 4000 && p->delta_sender == 5000 && p->anycast_margin == 6000);
    assert_true(p->fresh == 7 && p->commit_max == 8000 && p->compromised_drain == 9000);
    assert_true(p->attest_every == 10000 && p->ttl_cap == 10000);
    assert_true(p->renew_before == 1728000000 && p->renew_margin == 172800000);
    assert_true(p->renew_every == 604800000 && c->renew.lifetime == 5184000000);
    assert_true(p->skip_noroute && conf->policy.skip_unroutable && conf->policy.adopt);
    assert_string_equal(c->deploy.probe_via, "192.0.2.9:25");
    assert_string_equal(c->deploy.sni.items[0], "a.example");
    conf_unref(&conf);
}

/* Everything that conf_dump writes, malloc()ed. */
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

static void a_dump_can_be_loaded_again(void **state)
{
    (void)state;
    static const enum conf_dump kinds[] = {CONF_DUMP_GIVEN, CONF_DUMP_ALL};
    lay_keys();
    const struct conf *conf = take(whole);
    for (size_t i = 0; i < 2; i++) {
        char *first = dumped(conf, kinds[i]);
        assert_null(strstr(first, "MDEy")); /* secrets stay in their files */
        const struct conf *again = take(first);
        char *second = dumped(again, kinds[i]);
        assert_string_equal(first, second);
        assert_memory_equal(&again->certificates[0].policy, &conf->certificates[0].policy,
                            sizeof(struct model_policy));
        free(first);
        free(second);
        conf_unref(&again);
    }
    conf_unref(&conf);
    conf = take(FINE);
    char *given = dumped(conf, CONF_DUMP_GIVEN);
    char want[1024];
    assert_true(text_format(want, sizeof want,
                            "\ndns \"d\" {\n    server = \"192.0.2.1\"\n"
                            "    zone = \"Example.ORG.\"\n    key_file = \"%s\"\n}\n"
                            "\ncertificate \"c\" {\n    names = { \"mx.example.org\" }\n"
                            "    chain_file = \"/c.pem\"\n    tlsa {\n"
                            "        hosts = { \"mx.example.org\" }\n        dns = \"d\"\n"
                            "    }\n}\n",
                            conf_try_path("good")));
    assert_string_equal(given, want);
    free(given);
    conf_unref(&conf);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    assert_int_equal(conf_mdoc(out, &err), OUT_BROKEN);
    assert_string_equal(err.text, "cannot write the manual page: No space left on device");
    assert_int_equal(conf_dump_defaults(out, &err), OUT_BROKEN);
    (void)fclose(out);
}

/* The row of the table says enough, and its default is one that a file could have. */
static void each_row_of_the_table_holds_together(void **state)
{
    (void)state;
    for (enum table_section s = TABLE_TOP; s < TABLE_SECTIONS; s++) {
        size_t n = 0;
        const struct table_option *rows = table_of(s, &n);
        assert_in_range(n, 1,
                        20); /* tree.c has room for 32 with sections, conf_head.given for 32 */
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(rows[i].section, s);
            assert_true(rows[i].required == (rows[i].def == NULL));
            assert_true(rows[i].offset < table_parts[s].size);
            assert_true(strlen(rows[i].brief) > 10 && strlen(rows[i].brief) < 80);
            assert_true(rows[i].brief[strlen(rows[i].brief) - 1] != '.');
            assert_true((rows[i].type == TABLE_WORD) == (rows[i].words != NULL));
            for (size_t k = 0; k < i; k++)
                assert_string_not_equal(rows[k].name, rows[i].name);
        }
    }
}

static void the_manual_page_names_every_option(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    struct err err = ERR_INIT;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(conf_mdoc(out, &err), OUT_OK);
    assert_int_equal(conf_dump_defaults(out, &err), OUT_OK);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < table_n_options; i++) {
        char item[64];
        assert_true(text_format(item, sizeof item, ".It Ic %s No = Ar ", table_options[i].name));
        assert_non_null(strstr(text, item));
        assert_true(text_format(item, sizeof item, " %s = ", table_options[i].name));
        assert_non_null(strstr(text, item));
    }
    free(text);
}

/* The text of an example with `old` replaced by `new`, which need not be there. */
static void replaced(char *text, size_t size, const char *old, const char *new)
{
    char after[16384];
    char *at = strstr(text, old);
    if (at == NULL)
        return;
    assert_true(text_format(after, sizeof after, "%s", at + strlen(old)));
    assert_true(text_format(at, size - (size_t)(at - text), "%s%s", new, after));
}

/* As it is, but for the key files, which are ours. */
static const struct conf *example(const char *name, bool other_provider)
{
    static char text[16384];
    const char *source = getenv("DANEMILTER_SOURCE");
    char path[1024];
    assert_true(
        text_format(path, sizeof path, "%s/postfix-conf/%s", source == NULL ? "." : source, name));
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof text - 1, in);
    assert_int_equal(fclose(in), 0);
    text[len] = '\0';
    replaced(text, sizeof text, "/etc/danemilter/tsig.key", "%/good");
    replaced(text, sizeof text, "/etc/danemilter/pdns.key", "%/secret");
    replaced(text, sizeof text, "# agree = yes", "agree = yes"); /* what is the reader's to say */
    replaced(text, sizeof text, "# server = 192.0.2.53", "server = 192.0.2.53");
    if (other_provider) { /* comments change sides */
        char *first = strstr(text, "\ndns \"primary\" {");
        char *second = strstr(text, "\n# dns \"primary\" {");
        assert_true(first != NULL && second != NULL && first < second);
        char *end = strstr(first, "\n}\n");
        assert_non_null(end);
        for (char *p = first; p < end + 2; p++)
            *p = *p == '\n' ? '\n' : ' ';
        for (char *p = second; p != NULL && strncmp(p, "\n#", 2) == 0; p = strchr(p + 1, '\n'))
            p[1] = ' ';
    }
    return take(text);
}

static void the_examples_are_right(void **state)
{
    (void)state;
    const char *source = getenv("DANEMILTER_SOURCE");
    char path[1024];
    size_t found = 0;
    lay_keys();
    assert_true(text_format(path, sizeof path, "%s/postfix-conf", source == NULL ? "." : source));
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        size_t len = strlen(e->d_name);
        if (len < 13 || strcmp(e->d_name + len - 13, ".conf.example") != 0)
            continue;
        const struct conf *conf = example(e->d_name, false);
        conf_unref(&conf);
        found++;
    }
    assert_int_equal(closedir(folder), 0);
    assert_true(found > 0);
    const struct conf *conf = example("danemilter.conf.example", false);
    assert_string_equal(conf->notify, "postmaster@example.org");
    assert_int_equal(conf->certificates[0].n_algs, 2);
    assert_ptr_equal(conf->certificates[0].acme, &conf->acme[0]);
    conf_unref(&conf);
    conf = example("danemilter.conf.example", true);
    assert_int_equal(conf->dns[0].provider, CONF_POWERDNS);
    conf_unref(&conf);
}

static void references_are_counted(void **state)
{
    (void)state;
    const struct conf *conf = take(FINE);
    const struct conf *other = conf_ref(conf);
    assert_ptr_equal(conf, other);
    conf_unref(&conf);
    assert_string_equal(other->dns[0].name, "d"); /* the sanitizer watches */
    conf_unref(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_safety),
        cmocka_unit_test(the_top_is_taken),
        cmocka_unit_test(a_certificate_is_taken),
        cmocka_unit_test(a_dump_can_be_loaded_again),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(each_row_of_the_table_holds_together),
        cmocka_unit_test(the_manual_page_names_every_option),
        cmocka_unit_test(the_examples_are_right),
        cmocka_unit_test(references_are_counted),
    };
    return cmocka_run_group_tests(tests, conf_try_begin, conf_try_end);
}
