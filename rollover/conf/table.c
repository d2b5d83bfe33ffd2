/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/table.h"

#include <string.h>

#include "conf/conf.h"

#define MS(n) INT64_C(n)
#define SECONDS(n) (INT64_C(n) * 1000)
#define MINUTES(n) (INT64_C(n) * 60000)
#define HOURS(n) (INT64_C(n) * 3600000)
#define DAYS(n) (INT64_C(n) * 86400000)

const struct table_part table_parts[TABLE_SECTIONS] = {
    [TABLE_TOP] = {"", TABLE_TOP, false, true, sizeof(struct conf), 0, "the whole file", NULL},
    [TABLE_POLICY] = {"policy", TABLE_TOP, false, false, sizeof(struct conf_policy),
                      offsetof(struct conf, policy), "waits and habits, the same for everything",
                      "The defaults keep the promise that no sender meets a certificate its cached "
                      "records do not match. Shorter times are for test worlds."},
    [TABLE_ACME] = {"acme", TABLE_TOP, true, false, sizeof(struct conf_acme), 0,
                    "a certification authority, and our account there",
                    "The title is the name by which certificates refer to it, and by which the "
                    "account is kept."},
    [TABLE_DNS] = {"dns", TABLE_TOP, true, true, sizeof(struct conf_dns), 0,
                   "a place where records are published",
                   "The title is the name by which the section tlsa refers to it."},
    [TABLE_CERTIFICATE] =
        {"certificate", TABLE_TOP, true, true, sizeof(struct conf_certificate), 0,
         "a certificate, its keys, and the records that follow it",
         "The title names it in the log, in danectl and in the state. Renamed, it "
         "is another certificate."},
    [TABLE_TLSA] = {"tlsa", TABLE_CERTIFICATE, false, true, sizeof(struct conf_tlsa),
                    offsetof(struct conf_certificate, tlsa), "the TLSA records of the certificate",
                    NULL},
    [TABLE_RENEW] = {"renew", TABLE_CERTIFICATE, false, false, sizeof(struct conf_renew),
                     offsetof(struct conf_certificate, renew), "when there is to be a new one",
                     NULL},
    [TABLE_DEPLOY] = {"deploy", TABLE_CERTIFICATE, false, false, sizeof(struct conf_deploy),
                      offsetof(struct conf_certificate, deploy), "which Postfix serves it", NULL},
};

static const struct table_word table_providers[] = {
    {"rfc2136", CONF_RFC2136}, {"powerdns", CONF_POWERDNS}, {NULL, 0}};
static const struct table_word table_issuers[] = {
    {"selfsigned", CONF_SELFSIGNED}, {"acme", CONF_ACME}, {NULL, 0}};
static const struct table_word table_plaintext[] = {{"accept", CONF_GUARD_OFF},
                                                    {"log", CONF_GUARD_LOG},
                                                    {"tempfail", CONF_GUARD_TEMPFAIL},
                                                    {"reject", CONF_GUARD_REJECT},
                                                    {NULL, 0}};
static const struct table_word table_downgrade[] = {
    {"off", CONF_GUARD_OFF}, {"log", CONF_GUARD_LOG}, {"tempfail", CONF_GUARD_TEMPFAIL}, {NULL, 0}};
static const struct table_word table_strategies[] = {
    {"standby", MODEL_STANDBY}, {"reuse", MODEL_REUSE}, {"fresh", MODEL_FRESH}, {NULL, 0}};

#define AT(type, member) offsetof(struct type, member)
#define TEXT(section, name, def, at, brief, help)                                                  \
    {                                                                                              \
        section, name, TABLE_TEXT, false, def, 0, 0, NULL, NULL, at, brief, help                   \
    }
#define PATH(section, name, def, at, brief, help)                                                  \
    {                                                                                              \
        section, name, TABLE_PATH, false, def, 0, 0, NULL, NULL, at, brief, help                   \
    }
#define NEED(section, name, type, at, brief, help)                                                 \
    {                                                                                              \
        section, name, type, true, NULL, 0, 0, NULL, NULL, at, brief, help                         \
    }
#define BOOL(section, name, def, at, brief, help)                                                  \
    {                                                                                              \
        section, name, TABLE_BOOL, false, def, 0, 0, NULL, NULL, at, brief, help                   \
    }
#define WORD(section, name, def, words, at, brief, help)                                           \
    {                                                                                              \
        section, name, TABLE_WORD, false, def, 0, 0, NULL, words, at, brief, help                  \
    }
#define TIME(section, name, def, min, max, at, brief, help)                                        \
    {                                                                                              \
        section, name, TABLE_DURATION, false, def, min, max, "duration", NULL, at, brief, help     \
    }
#define LIST(section, name, def, min, max, unit, at, brief, help)                                  \
    {                                                                                              \
        section, name, TABLE_LIST, false, def, min, max, unit, NULL, at, brief, help               \
    }

const struct table_option table_options[] = {
    PATH(TABLE_TOP, "state_dir", "/var/lib/danemilter/main", AT(conf, state_dir),
         "folder of the state: database, private keys, lock",
         "It belongs to the daemon's user and has mode 0700. Two instances never share one."),
    PATH(TABLE_TOP, "run_dir", "/run/danemilter/main", AT(conf, run_dir),
         "folder for sockets and other things that need not survive a boot",
         "On a tmpfs: what lies there tells a state that was restored from a backup from one that "
         "was not."),
    TEXT(TABLE_TOP, "user", "danemilter", AT(conf, user), "the user that the daemon runs as",
         "It owns state_dir and run_dir and nothing else. Secret files belong to it or to root; "
         "when they belong to root, its group may read them (mode 0640)."),
    PATH(TABLE_TOP, "trust_anchor", "/usr/share/dns/root.key", AT(conf, trust_anchor),
         "file with the DNSSEC trust anchor of the root zone",
         "DS or DNSKEY records in the form of a zone file. Debian has one in the package "
         "dns-root-data."),
    LIST(TABLE_TOP, "resolver", "", 0, CONF_RESOLVERS_MAX, "addresses", AT(conf, resolver),
         "resolvers that find name servers and host addresses",
         "IP addresses, each with an optional port: 192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:5353. "
         "They are not trusted for TLSA records: those are asked of each authoritative server, and "
         "signatures are checked here. None: names are looked up from the root down."),
    PATH(TABLE_TOP, "root_hints", "", AT(conf, root_hints),
         "file with the addresses of the root servers",
         "Only for worlds with a root of their own: names are then looked up from this root down, "
         "without a resolver. Not together with resolver."),
    TEXT(TABLE_TOP, "notify", "", AT(conf, notify), "mail address that hears of trouble",
         "One mail when something is frozen or rejected, repeated daily, and one when it is well "
         "again. None: nobody."),
    PATH(TABLE_TOP, "sendmail", "/usr/sbin/sendmail", AT(conf, sendmail),
         "program that takes mails to notify", "Called as sendmail(1), without a shell."),
    TEXT(TABLE_TOP, "milter_socket", "danemilter/milter", AT(conf, milter_socket),
         "socket that smtpd_milters names",
         "A path below Postfix's queue_directory (as unix:danemilter/milter in main.cf), or an "
         "absolute one. Or inet:PORT@ADDRESS, as libmilter writes it, on an address of the "
         "loopback (as inet:ADDRESS:PORT in main.cf), for a chrooted smtpd of another instance. "
         "Empty: no milter."),
    TEXT(TABLE_TOP, "control_group", "", AT(conf, control_group),
         "group whose members may ask the running daemon", "Only root may change anything."),

    TIME(TABLE_POLICY, "poll", "1 min", MS(100), HOURS(6), AT(conf_policy, poll),
         "time between two rounds of questions while something waits",
         "Every address of every authoritative server is asked in each round."),
    TIME(TABLE_POLICY, "silence", "1 h", MS(100), DAYS(7), AT(conf_policy, silence),
         "how long an address may be silent before its wait starts again",
         "Waits are the sum of the times between good answers at most so far apart. At least two "
         "times poll."),
    TIME(TABLE_POLICY, "past_ttl", "2 d", MS(0), DAYS(30), AT(conf_policy, past_ttl),
         "TTL assumed for what was there before we watched", NULL),
    TIME(TABLE_POLICY, "ttl_cap", "7 d", SECONDS(1), DAYS(30), AT(conf_policy, ttl_cap),
         "the longest time that caches are taken to keep anything",
         "Resolvers cap TTLs themselves, at a day or a week."),
    TIME(
        TABLE_POLICY, "floor", "1 d", SECONDS(1), DAYS(30), AT(conf_policy, floor),
        "the least time for records that were published late",
        "Resolvers that serve expired answers do so with every server up; only a standby published "
        "long before it is needed helps against them. 1 h is the least that is sensible."),
    TIME(TABLE_POLICY, "sender_timeout", "15 min", MS(0), HOURS(24),
         AT(conf_policy, sender_timeout),
         "how long a sender may be between its TLSA lookup and its handshake",
         "Time-outs of connect, HELO and STARTTLS, and Postfix's own cache of TLSA answers."),
    TIME(TABLE_POLICY, "anycast_margin", "0 s", MS(0), DAYS(7), AT(conf_policy, anycast_margin),
         "added to every wait, for instances behind one address that cannot be seen", NULL),
    TIME(TABLE_POLICY, "fresh", "1 s", MS(1), MINUTES(1), AT(conf_policy, fresh),
         "how old the last look at the servers may be at the switch", NULL),
    TIME(TABLE_POLICY, "commit_window", "48 h", MS(100), DAYS(30), AT(conf_policy, commit_window),
         "how long after a switch the way back stays open",
         "The window is this or an eighth of the certificate's validity, whichever is shorter. Old "
         "records are withdrawn after it."),
    TIME(TABLE_POLICY, "compromised_drain", "5 min", MS(0), HOURS(24),
         AT(conf_policy, compromised_drain),
         "how long old sessions may hold up the removal of a compromised key's records", NULL),
    TIME(TABLE_POLICY, "attest_every", "5 min", MS(100), HOURS(24), AT(conf_policy, attest_every),
         "time between two proofs by STARTTLS while a switch is on probation", NULL),
    BOOL(TABLE_POLICY, "skip_unroutable", "no", AT(conf_policy, skip_unroutable),
         "go on without name server addresses to which this host has no route",
         "As IPv6 addresses on a host with IPv4 only. They are named in the status, and never "
         "counted as agreeing."),
    BOOL(
        TABLE_POLICY, "adopt", "no", AT(conf_policy, adopt),
        "take records that we find and that match the served chain as ours",
        "Only records of ours are ever deleted. Say yes when the records that are there were made "
        "by hand or by a predecessor for this certificate, and are to be withdrawn in their time."),
    TIME(TABLE_POLICY, "batch", "0 s", MS(0), HOURS(24), AT(conf_policy, batch),
         "least time between two reloads of one Postfix by switches",
         "Switches that are due meanwhile wait for the next reload and share it. Way back and "
         "proof do not wait."),
    WORD(TABLE_POLICY, "plaintext", "accept", table_plaintext, AT(conf_policy, plaintext),
         "what a client without TLS is told",
         "accept: nothing. log: its mail is taken, a line goes to the mail log. tempfail: 4.7.0 at "
         "MAIL FROM. reject: 5.7.0. Mail that is refused is the sender's to repeat or to lose: the "
         "default refuses none."),
    WORD(TABLE_POLICY, "downgrade", "log", table_downgrade, AT(conf_policy, downgrade),
         "what a client is told that always used TLS before and comes without",
         "off: nothing. log: a line goes to the mail log. tempfail: 4.7.0 at MAIL FROM. Somebody "
         "may "
         "sit between, or its TLS may be broken."),
    TIME(TABLE_POLICY, "memory", "28 d", MINUTES(1), DAYS(366), AT(conf_policy, memory),
         "how long the habits of a client are remembered",
         "It always used TLS if every session with mail in this time did."),
    {TABLE_POLICY, "minimum_sessions", TABLE_NUMBER, false, "20", 1, 1000000, "sessions", NULL,
     AT(conf_policy, minimum), "how many sessions by TLS make a habit", NULL},
    {TABLE_POLICY, "ledger_clients", TABLE_NUMBER, false, "10000", 16, 1000000, "clients", NULL,
     AT(conf_policy, ledger_clients), "how many clients the session ledger remembers at most",
     "Who was not seen for longest is forgotten first. About 200 octets of memory each."},
    LIST(TABLE_POLICY, "exempt", "", 0, CONF_NETS_MAX, "networks", AT(conf_policy, exempt),
         "networks that plaintext and downgrade leave alone",
         "As 192.0.2.0/24, 2001:db8::/32 or an address. Loopback addresses always are."),

    NEED(TABLE_ACME, "directory", TABLE_TEXT, AT(conf_acme, directory),
         "URL of the CA's ACME directory",
         "There is no default. Begin with the CA's staging directory, and change it when all "
         "works."),
    LIST(TABLE_ACME, "contact", "", 0, 8, "addresses", AT(conf_acme, contact),
         "mail addresses for the account", "As postmaster@example.org."),
    PATH(TABLE_ACME, "ca_file", "", AT(conf_acme, ca_file),
         "certificates that the CA's web server is checked against",
         "A file in PEM. None: those that the system trusts."),
    BOOL(TABLE_ACME, "agree", "no", AT(conf_acme, agree), "you agree to the CA's terms of service",
         "They are named in the CA's directory; danectl check shows where. No account is made "
         "without."),
    TIME(TABLE_ACME, "challenge_wait", "15 min", SECONDS(1), HOURS(24),
         AT(conf_acme, challenge_wait),
         "how long every name server has to show the record of a challenge",
         "The CA is told only when all show it."),
    TIME(TABLE_ACME, "order_wait", "30 min", SECONDS(1), HOURS(24), AT(conf_acme, order_wait),
         "how long the CA has for an order", "After that the order is asked about again later."),
    {TABLE_ACME, "orders_per_hour", TABLE_NUMBER, false, "4", 1, 1000, "orders", NULL,
     AT(conf_acme, orders_per_hour), "new orders in an hour, at most",
     "An order that failed is repeated once an hour at most in any case."},
    {TABLE_ACME, "certificates_per_week", TABLE_NUMBER, false, "40", 1, 100000, "certificates",
     NULL, AT(conf_acme, certificates_per_week), "certificates in seven days, at most",
     "All algorithms and certificates of this section together. CAs have limits of their own."},

    WORD(
        TABLE_DNS, "provider", "rfc2136", table_providers, AT(conf_dns, provider),
        "how changes are made",
        "rfc2136: DNS UPDATE, with the old state as a prerequisite. powerdns: PowerDNS' HTTP API."),
    TEXT(TABLE_DNS, "server", "", AT(conf_dns, server_text), "address of the primary server",
         "An IP address, with an optional port: 192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:5353."),
    NEED(TABLE_DNS, "zone", TABLE_TEXT, AT(conf_dns, zone), "the zone that changes are made in",
         "Its apex, as the primary server knows it."),
    PATH(TABLE_DNS, "key_file", "", AT(conf_dns, key_file), "TSIG key, in BIND's form",
         "As tsig-keygen writes it: key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; }; - "
         "one "
         "key, in a file that others cannot read."),
    TEXT(TABLE_DNS, "tsig_name", "", AT(conf_dns, tsig_name), "name of the TSIG key",
         "Together with secret_file, instead of key_file."),
    TEXT(TABLE_DNS, "tsig_algorithm", "hmac-sha256", AT(conf_dns, tsig_algorithm),
         "algorithm of the TSIG key of secret_file", "hmac-sha256, hmac-sha512 or hmac-sha1."),
    PATH(TABLE_DNS, "secret_file", "", AT(conf_dns, secret_file),
         "file that holds the TSIG key's secret in base64 and nothing else", NULL),
    TEXT(TABLE_DNS, "url", "", AT(conf_dns, url), "where PowerDNS' API listens",
         "As http://127.0.0.1:8081 or https://ns1.example.org:8443."),
    PATH(TABLE_DNS, "api_key_file", "", AT(conf_dns, api_key_file),
         "file that holds the API key of PowerDNS and nothing else", NULL),
    TEXT(TABLE_DNS, "server_id", "localhost", AT(conf_dns, server_id),
         "PowerDNS' name for its server", "localhost, unless there is a proxy before it."),
    PATH(TABLE_DNS, "ca_file", "", AT(conf_dns, ca_file),
         "certificates that the API's server is checked against",
         "A file in PEM. None: those that the system trusts."),

    {TABLE_CERTIFICATE, "names", TABLE_LIST, true, NULL, 1, PORT_NAMES_MAX, "names", NULL,
     AT(conf_certificate, names), "the names in the certificate",
     "The first one is the common name too. \"*.\" may lead. Names in other scripts are written as "
     "xn--."},
    LIST(TABLE_CERTIFICATE, "keys", "p256", 1, MODEL_MAX_ALGS, "algorithms",
         AT(conf_certificate, keys), "key algorithms, each with a certificate of its own",
         "p256, p384, rsa2048, rsa3072 or rsa4096. All of them are in the one chain file."),
    WORD(TABLE_CERTIFICATE, "issuer", "selfsigned", table_issuers, AT(conf_certificate, issuer),
         "who signs it",
         "selfsigned: the key itself. Senders that use DANE-EE (usage 3) look at the "
         "key alone. acme: the certification authority that ca names."),
    TEXT(TABLE_CERTIFICATE, "ca", "", AT(conf_certificate, ca),
         "title of the section acme that issues it", "With issuer = \"acme\"."),
    NEED(TABLE_CERTIFICATE, "chain_file", TABLE_PATH, AT(conf_certificate, chain_file),
         "the file that smtpd_tls_chain_files names",
         "Keys and chains of all algorithms; written anew and renamed at each switch."),
    WORD(TABLE_CERTIFICATE, "strategy", "standby", table_strategies, AT(conf_certificate, strategy),
         "how keys follow one another",
         "standby: the next key is published long before it is wanted. reuse: one key for ever. "
         "fresh: a new key at each renewal, published only then."),

    LIST(TABLE_TLSA, "hosts", "", 0, MODEL_MAX_OWNERS, "host names", AT(conf_tlsa, hosts),
         "the MX hosts that serve it",
         "Records are kept at _PORT._tcp.HOST for each host and each of ports."),
    LIST(TABLE_TLSA, "ports", "25", 1, MODEL_MAX_OWNERS, "ports", AT(conf_tlsa, ports),
         "the ports of these hosts", NULL),
    LIST(TABLE_TLSA, "owners", "", 0, MODEL_MAX_OWNERS, "owner names", AT(conf_tlsa, owners),
         "owner names written out",
         "Beside or instead of hosts; for names that others point to by CNAME."),
    LIST(TABLE_TLSA, "records", "3 1 1", 1, MODEL_MAX_COMBOS, "combinations",
         AT(conf_tlsa, records), "usage, selector and matching type of the records",
         "Each key gets one record of each combination. Usages 0 and 1 are no use for SMTP (RFC "
         "7672 "
         "section 3.1.3); \"3 1 1\" is best unless there is a reason."),
    {TABLE_TLSA, "ttl", TABLE_NUMBER, false, "3600", 1, 604800, "seconds", NULL, AT(conf_tlsa, ttl),
     "TTL of the records", "A short one makes every wait shorter."},
    NEED(TABLE_TLSA, "dns", TABLE_TEXT, AT(conf_tlsa, dns_name),
         "title of the section dns where they are published", NULL),

    TIME(TABLE_RENEW, "before", "0 s", MS(0), DAYS(3650), AT(conf_renew, before),
         "renew when so much validity is left", "0: a third of the certificate's validity."),
    TIME(TABLE_RENEW, "margin", "3 d", MS(0), DAYS(365), AT(conf_renew, margin),
         "the new certificate is in place so long before the old one ends",
         "A key rollover that would be later does not happen: the current key is kept."),
    TIME(TABLE_RENEW, "every", "0 s", MS(0), DAYS(3650), AT(conf_renew, every),
         "also change keys so long after the last switch", "0: only when the certificate ends."),
    TIME(TABLE_RENEW, "lifetime", "90 d", SECONDS(10), DAYS(3650), AT(conf_renew, lifetime),
         "validity of self-signed certificates", NULL),

    PATH(TABLE_DEPLOY, "postfix_config", "/etc/postfix", AT(conf_deploy, postfix_config),
         "Postfix's configuration folder", "As in postfix -c: one instance of Postfix."),
    TEXT(TABLE_DEPLOY, "probe_via", "", AT(conf_deploy, probe_via),
         "address to prove instead of one that cannot be reached from here",
         "For hosts behind a NAT that does not lead back to them: an IP address, with an optional "
         "port, that leads to the same Postfix."),
    LIST(TABLE_DEPLOY, "sni", "", 0, 16, "names", AT(conf_deploy, sni),
         "further server names to prove",
         "Each target is proven with its host name in SNI and without any; these are tried too."),
    LIST(TABLE_DEPLOY, "reload", "", 0, 8, "commands", AT(conf_deploy, reload),
         "commands that make other servers read the chain file again",
         "Run as root after each reload of Postfix, one after the other, as /usr/bin/doveadm "
         "reload: an absolute path and its arguments with blanks between them; no shell, no "
         "quotes."),
};

const size_t table_n_options = sizeof table_options / sizeof table_options[0];

const struct table_option *table_of(enum table_section section, size_t *n)
{
    const struct table_option *first = NULL;
    *n = 0;
    for (size_t i = 0; i < table_n_options; i++) {
        if (table_options[i].section != section)
            continue;
        if (first == NULL)
            first = &table_options[i];
        (*n)++;
    }
    return first;
}

const char *table_path(enum table_section section)
{
    switch (section) {
    case TABLE_TLSA:
        return "certificate.tlsa";
    case TABLE_RENEW:
        return "certificate.renew";
    case TABLE_DEPLOY:
        return "certificate.deploy";
    default:
        return table_parts[section].name;
    }
}
