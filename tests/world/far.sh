# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154,SC2016
# A danemilter in the BIND zone's Postfix, and clients from far away: in a network namespace of
# their own, because whoever comes from the server's addresses is not counted. Sourced after testlib.sh.

far4=198.51.100 far6=2001:db8:ffff:
postfix=$WORLD_BIND_POSTFIX
work=$WORLD_DIR/tmp/far
conf=$work/danemilter.conf
mkdir -p "$work"
chmod 600 "$WORLD_BIND_CHAIN"

danectl() { inside "$DANEMILTER_BUILD/danectl" -c "$conf" "$@"; }
reload() { inside postfix -c "$postfix" reload; }
count() { grep -c "danemilter\\[.*$1" "$WORLD_BIND_MAILLOG"; }
logged() { [ "$(count "$1")" -gt "${2:-0}" ]; } # logged PATTERN [HOW-OFTEN-BEFORE]

configure() { # configure [LINE-OF-POLICY...]; socket: milter_socket, if not the usual one
    cat >"$conf" <<END
state_dir = "$work/state"
run_dir = "$work/run"
trust_anchor = "$WORLD_TRUST_ANCHOR"
resolver = {"$WORLD_CA_RESOLVER4"}
${socket:+milter_socket = "$socket"}
dns "primary" {
    provider = "rfc2136"
    server = "$WORLD_BIND_NS1_4"
    zone = "bind.test"
    key_file = "$WORLD_TSIG_FILE"
}
certificate "mx.bind.test" {
    names = {"mx.bind.test"}
    keys = {"p256", "rsa2048"}
    issuer = "selfsigned"
    chain_file = "$WORLD_BIND_CHAIN"
    tlsa {
        hosts = {"mx.bind.test"}
        ports = {"25"}
        records = {"3 1 1"}
        ttl = 2
        dns = "primary"
    }
    deploy { postfix_config = "$postfix" }
}
policy {
    poll = "250ms"
    past_ttl = "2s"
    floor = "5s"
    sender_timeout = "2s"
    commit_window = "3s"
    attest_every = "500ms"
$(printf '    %s\n' "$@")
}
END
}

# The two lines, as an administrator adds them.
enter_postfix() {
    local folder
    folder=$(inside postconf -c "$postfix" -hx daemon_directory)
    inside install -m 755 "$DANEMILTER_BUILD/danemilter" "$folder/danemilter" &&
        inside postconf -c "$postfix" -Me \
            "danemilter/unix=danemilter unix - n n 10 1 danemilter -C $conf" &&
        inside postconf -c "$postfix" -e \
            'smtpd_milters={ unix:danemilter/milter, default_action=accept }' &&
        reload
}

# A new configuration is taken: danemilter is started anew.
reconfigure() { # reconfigure [LINE-OF-POLICY...]
    local before
    before=$(count ' started')
    configure "$@"
    reload && within 15 logged ' started' "$before"
}

make_far() {
    inside sh -euc '
        ip netns add far
        ip link add far0 type veth peer name far1 netns far
        ip addr add "$0.1/24" dev far0
        ip -6 addr add "$1:1/64" dev far0 nodad
        ip link set far0 up
        for n in 7 8 9; do
            ip -n far addr add "$0.$n/24" dev far1
            ip -n far -6 addr add "$1:$n/64" dev far1 nodad
        done
        ip -n far link set far1 up
        ip -n far link set lo up
        ip -n far route add default via "$0.1"
        ip -n far -6 route add default via "$1:1"' "$far4" "$far6"
}

far() { inside ip netns exec far "$@"; }

# Both deliver a mail from ADDRESS under the name HELO; what the server said goes to stdout.
by_tls() { # by_tls ADDRESS HELO
    local to=$WORLD_BIND_MX4 from=$1
    case $1 in *:*) to=[$WORLD_BIND_MX6] from=[$1] ;; esac
    printf '%s\r\n' "EHLO $2" 'MAIL FROM:<>' 'RCPT TO:<sink@bind.test>' DATA '' far . QUIT |
        far timeout 20 openssl s_client -quiet -starttls smtp -name "$2" -bind "$from:0" \
            -connect "$to:25" 2>&1 | tee "$work/answer"
    grep -q '^250 2.0.0 Ok: queued' "$work/answer"
}
plain() { # plain ADDRESS HELO
    local to=$WORLD_BIND_MX4
    case $1 in *:*) to=[$WORLD_BIND_MX6] ;; esac
    echo 'Subject: far' >"$work/mail"
    far curl --silent --show-error --verbose --max-time 20 --interface "$1" "smtp://$to:25/$2" \
        --mail-from a@far.test --mail-rcpt sink@bind.test --upload-file "$work/mail" 2>&1
}
