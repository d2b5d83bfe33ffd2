# SPDX-License-Identifier: BSD-2-Clause
#
# random.awk - one scenario made up from a seed:  awk -v seed=7 -f random.awk
#
# It expects nothing; the oracle judges. The same seed gives the same scenario everywhere (the
# generator is our own: awks differ in rand()). -v hold=10d makes senders work for ten days with
# what they looked up: then the oracle has to complain. Left out, because no engine could keep the rule
# then: servers that go back after their whole wait was good, servers that join with an old copy
# of the zone, people who delete, usage 2 without a CA until it expires.

function dice(n) { state = state * 16807 % 2147483647; return state % n }
function pick(list,   n, words) { n = split(list, words, " "); return words[1 + dice(n)] }
function some(list,   n, words) { n = split(list, words, "|"); return words[1 + dice(n)] }

function record(combo, alg) {
    return combo ":" alg "/1" (substr(combo, 2, 1) == "0" ? "#1" : "")
}

function configure(   i, j, all) {
    n_algs = split(some("p256|p256|p256|p256 rsa"), algs, " ")
    n_combos = split(pick("311 311 311 311,312 301 311,301"), combos, ",")
    n_owners = split(some("mx|mx sub"), owners, " ")
    for (i = 1; i <= n_combos; i++)
        all = all (i > 1 ? "," : "") combos[i]
    print "policy strategy=" pick("standby standby standby standby fresh reuse") " combos=" all \
        " poll=" pick("15m 30m") " past_ttl=" pick("3h 12h 2d") " silence=1h renew_before=30d"
    print "world ttl=" pick("20m 1h 6h") " validity=" pick("45d 90d") " ns_ttl=" pick("1h 1d") \
        (hold == "" ? "" : " hold=" hold)
    for (i = 1; i <= n_algs; i++) {
        words = words " " algs[i]
        file = file " " algs[i] "/1"
        for (j = 1; j <= n_combos; j++)
            records = records " " record(combos[j], algs[i])
    }
    print "alg" words
    print "servers ns1 ns2 ns3"
    print "owners mx" (n_owners > 1 ? " sub" : "")
    print "file" file " age=" pick("0d 5d 10d")
    if (dice(5) > 0) {
        for (i = 1; i <= n_owners; i++)
            print "records " owners[i] records
    }
    print "start"
    print "advance " pick("1h 5h 2d")
}

function away(how) {
    print how
    print "advance " pick("5s 30m 3h 1d 2d")
    print "restart"
}

function event(e,   server) {
    server = pick(servers)
    if (e < 12)
        print "server " server " " pick("freeze thaw thaw")
    else if (e < 22)
        print "server " server " " pick("silent answers answers servfail bogus lame insecure")
    else if (e < 26)
        print "server " server " lag " pick("1s 10m 5h")
    else if (e < 30)
        print "api " some("honest|honest|lies|refuses|delays 3h")
    else if (e < 34)
        print "ca " pick("works works fails names-wrong")
    else if (e < 39)
        print "postfix " some("down|up|reload fails|reload works")
    else if (e < 46)
        print "proof " pick("good good wrong unreached") " " algs[1 + dice(n_algs)]
    else if (e < 50)
        print "session " pick("holds ends")
    else if (e < 53)
        print "clock " pick("0 0 365d -365d 2h")
    else if (e < 61)
        away("crash")
    else if (e < 65)
        away("crash " pick("before-intent after-intent after-rename after-act after-record"))
    else if (e < 68)
        print "reboot " pick("1m 3h")
    else if (e < 79)
        print "operator roll"
    else if (e < 81)
        print "ttl " owners[1 + dice(n_owners)] " " pick("10m 1h 6h 1d")
    else if (e < 83)
        print "cname " owners[1 + dice(n_owners)] " " pick("0 2h")
    else if (e < 85)
        print "human add " owners[1 + dice(n_owners)] " 311:x" dice(3)
    else if (e < 87 && servers == "ns1 ns2 ns3") {
        print "server ns3 departs"
        servers = "ns1 ns2"
    } else if (e < 88 && n_algs > 1)
        print "operator " pick("drops wants") " " algs[1 + dice(n_algs)]
}

BEGIN {
    state = 1 + seed * 7919 % 2147483646
    for (i = 0; i < 10; i++)
        dice(2)
    servers = "ns1 ns2 ns3"
    configure()
    for (i = 0; i < 60; i++) {
        event(dice(100))
        print "advance " pick("1m 20m 1h 3h 12h 1d 3d 10d")
    }
}
