#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# One danemilter, two instances of Postfix. One has all the services with TLS that there are: postscreen
# with tlsproxy on port 25, submission, smtps, a port on loopback, an SNI table with copies, another
# server to be told. One rollover: all of them serve the new chain, and the proof names them. Then
# submission gets a certificate of its own, and that is said.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
up services --bind "$build"
work=$WORLD_DIR/tmp/services
mkdir -p "$work"
conf=$work/danemilter.conf
log=$work/log
postfix=$WORLD_BIND_POSTFIX
chain=$WORLD_BIND_CHAIN
chmod 600 "$chain" "$WORLD_PDNS_CHAIN"

zone() { # zone NAME SERVER : how it is changed
    printf 'dns "%s" {\n    provider = "rfc2136"\n    server = "%s"\n    zone = "%s.test"\n    key_file = "%s"\n}\n' \
        "$1" "$2" "$1" "$WORLD_TSIG_FILE"
}

certificate() { # certificate ZONE CHAIN POSTFIX [LINE OF deploy]
    cat <<END
certificate "mx.$1.test" {
    names = {"mx.$1.test"}
    keys = {"p256", "rsa2048"}
    issuer = "selfsigned"
    chain_file = "$2"
    tlsa {
        hosts = {"mx.$1.test"}
        ports = {"25"}
        records = {"3 1 1"}
        ttl = 2
        dns = "$1"
    }
    deploy {
        postfix_config = "$3"
        ${4:-}
    }
}
END
}

{
    cat <<END
state_dir = "$work/state"
run_dir = "$work/run"
user = "danemilter"
trust_anchor = "$WORLD_TRUST_ANCHOR"
root_hints = "$WORLD_DIR/root-hints"
END
    zone bind "$WORLD_BIND_NS1_4"
    zone pdns "$WORLD_PDNS_NS1_4"
    certificate bind "$chain" "$postfix" "sni = {\"sni.bind.test\"}
        reload = {\"/usr/bin/touch $work/told\", \"/bin/false now\"}"
    certificate pdns "$WORLD_PDNS_CHAIN" "$WORLD_PDNS_POSTFIX"
    cat <<END
policy {
    poll = "250ms"
    silence = "30s"
    past_ttl = "3s"
    floor = "2s"
    sender_timeout = "1s"
    commit_window = "4s"
    attest_every = "500ms"
}
END
} >"$conf"

edit() { inside postconf -c "$postfix" "$@"; }
danectl() { inside "$build/danectl" -c "$conf" "$@"; }
said() { grep -F -- "$1" "$log"; }
fingerprint() { inside openssl x509 -outform DER 2>/dev/null | sha256sum | cut -d' ' -f1; }

# serves FILE PORT ADDRESS [OPTION...] : the P-256 certificate of the file, which is its first one
serves() {
    local want got file=$1 at=$3:$2
    shift 3
    want=$(fingerprint <"$file") && got=$(inside openssl s_client "$@" -connect "$at" -tls1_3 \
        -sigalgs ecdsa_secp256r1_sha256 </dev/null 2>/dev/null | fingerprint) || return 1
    [ "$want" = "$got" ]
}
starttls=(-starttls smtp)
no_name=(-noservername)

every_service_serves() {
    local where=$1 at=$WORLD_BIND_MX4
    check "postscreen's tlsproxy, $where" serves "$chain" 25 "$at" "${starttls[@]}" "${no_name[@]}"
    check "submission, $where" serves "$chain" 587 "$at" "${starttls[@]}" "${no_name[@]}"
    check "smtps, $where" serves "$chain" 465 "$at" "${no_name[@]}"
    check "the port on loopback, $where" \
        serves "$chain" 10025 127.0.0.1 "${starttls[@]}" "${no_name[@]}"
    check "the name in the SNI table, $where" \
        serves "$chain" 587 "$at" "${starttls[@]}" -servername sni.bind.test
}

# --- a Postfix with everything

printf 'sni.bind.test %s\n' "$chain" >"$work/sni"
check "services in master.cf" edit -M -e \
    'smtp/inet=smtp inet n - n - 1 postscreen' \
    'smtpd/pass=smtpd pass - - n - - smtpd' \
    'submission/inet=submission inet n - n - - smtpd -o smtpd_tls_security_level=encrypt' \
    '465/inet=465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes' \
    '127.0.0.1:10025/inet=127.0.0.1:10025 inet n - n - - smtpd'
# Nobody ever passes postscreen's deep tests here, so that every session stays with tlsproxy.
check "main.cf" edit -e "tls_server_sni_maps=hash:$work/sni" postscreen_greet_banner= \
    postscreen_pipelining_enable=yes postscreen_access_list=
check "the SNI table" inside postmap -c "$postfix" -F "hash:$work/sni"
check "Postfix is stopped" inside postfix -c "$postfix" stop
check "Postfix is started" inside postfix -c "$postfix" start
within 10 serves "$chain" 587 "$WORLD_BIND_MX4" "${starttls[@]}" "${no_name[@]}"
every_service_serves "before"
before=$(fingerprint <"$chain")
other_before=$(fingerprint <"$WORLD_PDNS_CHAIN")

# --- one rollover

inside sh -c "echo \$\$ >'$work/pid'; exec '$build/danemilter' -f -c '$conf'" >>"$log" 2>&1 </dev/null &
daemon=$!
end_daemon() {
    [ ! -s "$work/pid" ] || inside kill "$(cat "$work/pid")"
    wait "$daemon"
}
switched() { [ "$(grep -c ' switched: ' "$log")" -ge "$1" ]; }
proven() { grep 'mx\.bind\.test.*proven: ' "$log"; }
proven_after_switch() { sed -n '/mx\.bind\.test.* switched: /,$p' "$log" | grep 'mx\.bind\.test.*proven: '; }

both_proven() { [ "$(grep -c "proven: " "$log")" -ge 2 ]; }
names_services() {
    proven | grep -F "services smtp/inet, submission/inet, 465/inet, 127.0.0.1:10025/inet"
}
check "both are proven before anything" within 20 both_proven
check "the proof names the services" within 5 names_services
check "a rollover is asked for" within 20 danectl roll mx.bind.test
check "and one of the other instance" within 20 danectl roll mx.pdns.test
check "both switch" within 60 switched 2
check "the chain file is another" test "$(fingerprint <"$chain")" != "$before"
check "that of the other instance, too" test "$(fingerprint <"$WORLD_PDNS_CHAIN")" != "$other_before"
check "the new chain is proven" within 10 proven_after_switch
every_service_serves "after the rollover"
check "the other instance serves its own" \
    serves "$WORLD_PDNS_CHAIN" 25 "$WORLD_PDNS_MX4" "${starttls[@]}" "${no_name[@]}"
check "the other server was told" test -e "$work/told"
check "a command that fails is a warning" said 'reloaded by "/bin/false now" may still serve'
check "nothing is frozen" differs said "frozen"

# --- a service with a certificate of its own

cp "$WORLD_PDNS_CHAIN" "$work/own.pem"
check "submission gets its own" edit -P "submission/inet/smtpd_tls_chain_files=$work/own.pem"
check "Postfix is reloaded" inside postfix -c "$postfix" reload
before=$(fingerprint <"$chain")
renewed() { [ "$(fingerprint <"$chain")" != "$before" ]; }
check "a renewal is asked for" danectl renew mx.bind.test
check "it is said" within 10 said "submission/inet is not danemilter's and not proven"
check "the renewal goes on" within 10 renewed
check "smtps serves it" within 5 serves "$chain" 465 "$WORLD_BIND_MX4" "${no_name[@]}"
check "it was said once" test "$(grep -c "submission/inet is not" "$log")" = 1
check "nothing is frozen" differs said "frozen"
end_daemon
[ "$failures" = 0 ] || tail -n 60 "$log"
finish
