# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154
# The ACME server and Postfix on both ends of the line. Sourced inside.

# --- Postfix: one instance for each receiving zone, one that sends

postfix_master_cf() {
    cat <<'CONF'
smtp       inet  n - n - - smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
proxywrite unix  - - n - 1 proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
tlsproxy   unix  - - n - 0 tlsproxy
dnsblog    unix  - - n - 0 dnsblog
postlog    unix-dgram n - n - 1 postlogd
CONF
}

postfix_common() {
    local service=$1 n=$2 hostname=$3 folder=$DIR/$1
    cat <<CONF
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = $hostname
mydomain = test
myorigin = \$myhostname
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:no local mail here
biff = no
notify_classes =
inet_protocols = all
inet_interfaces = $(a4 "$n"), $(a6 "$n")
mynetworks = 192.0.2.0/24 [2001:db8::]/64
syslog_name = $service
maillog_file = $folder/mail.log
maillog_file_prefixes = $DIR
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 50
smtpd_banner = \$myhostname ESMTP
CONF
}

# make_receiver SERVICE NUMBER ZONE
make_receiver() {
    local service=$1 n=$2 zone=$3 folder=$DIR/$1
    make_postfix "$service"
    mkdir -m 700 "$folder/tls"
    self_signed "mx.$zone" "$folder/tls" >"$folder/tls/chain.pem"
    {
        postfix_common "$service" "$n" "mx.$zone"
        cat <<CONF
virtual_mailbox_domains = $zone
virtual_mailbox_maps = static:sink
virtual_transport = discard:
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = $folder/tls/chain.pem
smtpd_tls_loglevel = 1
CONF
    } >"$folder/etc/main.cf"
}

make_postfix() {
    local folder=$DIR/$1
    mkdir "$folder/etc" "$folder/queue" "$folder/data"
    chown postfix: "$folder/data"
    chmod 700 "$folder/data"
    postfix_master_cf >"$folder/etc/master.cf"
}

# P-256 and RSA-2048, each key followed by its certificate, as smtpd_tls_chain_files wants it.
self_signed() {
    local hostname=$1 folder=$2 algorithm
    umask 077
    for algorithm in EC RSA; do
        case $algorithm in
            EC) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
            RSA) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
        esac >"$folder/new.key" 2>>"$folder/openssl.log"
        openssl req -x509 -new -key "$folder/new.key" -days 90 -subj "/CN=$hostname" \
            -addext "subjectAltName=DNS:$hostname" -out "$folder/new.crt" \
            2>>"$folder/openssl.log"
        cat "$folder/new.key" "$folder/new.crt"
    done
    rm "$folder/new.key" "$folder/new.crt"
    umask 022
}

make_mx_bind() { make_receiver mx-bind "$N_MX_BIND" bind.test; }
make_mx_pdns() { make_receiver mx-pdns "$N_MX_PDNS" pdns.test; }

make_sender() {
    make_postfix sender
    {
        postfix_common sender "$N_SENDER" sender.test
        cat <<CONF
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = dane
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_loglevel = 1
smtp_bind_address = $SENDER4
smtp_bind_address6 = $SENDER6
smtp_connection_cache_on_demand = no
smtp_tls_connection_reuse = no
smtp_connect_timeout = 5s
smtp_helo_timeout = 10s
default_destination_concurrency_failed_cohort_limit = 0
default_destination_recipient_limit = 1
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
maximal_queue_lifetime = 1h
CONF
    } >"$DIR/sender/etc/main.cf"
}

start_postfix() {
    (cleanly postfix -c "$DIR/$1/etc" start) </dev/null >>"$DIR/$1/start.log" 2>&1 ||
        { cat "$DIR/$1/start.log" >&2 && return 1; }
}
start_mx_bind() { start_postfix mx-bind; }
start_mx_pdns() { start_postfix mx-pdns; }
start_sender() { start_postfix sender; }

ask_mx_bind() { starttls_offered "$N_MX_BIND" mx.bind.test; }
ask_mx_pdns() { starttls_offered "$N_MX_PDNS" mx.pdns.test; }
ask_sender() { banner "$SENDER4" sender.test && banner "$SENDER6" sender.test; }

starttls_offered() {
    banner "$(a4 "$1")" "$2" STARTTLS && banner "$(a6 "$1")" "$2" STARTTLS
}

# banner ADDRESS HOSTNAME [EXTENSION] : greets, and offers the extension after EHLO
banner() {
    local fd line found=no
    exec {fd}<>"/dev/tcp/$1/25" || return 1
    read -r -t 5 -u "$fd" line && [[ $line == "220 $2 "* ]] && found=yes
    if [ $found = yes ] && [ -n "${3:-}" ]; then
        found=no
        printf 'EHLO ask.test\r\n' >&"$fd"
        while read -r -t 5 -u "$fd" line; do
            [[ $line != 250[-\ ]"$3"* ]] || found=yes
            [[ $line == 250-* ]] || break
        done
    fi
    printf 'QUIT\r\n' >&"$fd"
    exec {fd}>&-
    [ $found = yes ]
}

# --- pebble

make_pebble() {
    local folder=$DIR/pebble
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
        -subj "/CN=the world's ACME server's own CA" -keyout "$folder/ca.key" \
        -out "$folder/ca.pem" >>"$folder/openssl.log" 2>&1
    openssl req -x509 -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
        -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=acme.test \
        -addext "subjectAltName=DNS:acme.test,IP:$PEBBLE4,IP:$PEBBLE6" \
        -addext basicConstraints=critical,CA:FALSE \
        -keyout "$folder/server.key" -out "$folder/server.pem" >>"$folder/openssl.log" 2>&1
    rm "$folder/ca.key"
    umask 022
    cp "$folder/ca.pem" "$DIR/pebble-ca.pem"
    chmod 644 "$DIR/pebble-ca.pem"
    cat >"$folder/pebble.json" <<CONF
{ "pebble": {
    "listenAddress": "${PEBBLE4}:14000",
    "managementListenAddress": "${PEBBLE4}:15000",
    "certificate": "$folder/server.pem",
    "privateKey": "$folder/server.key",
    "httpPort": 5002,
    "tlsPort": 5001,
    "ocspResponderURL": "",
    "externalAccountBindingRequired": false
} }
CONF
}

start_pebble() {
    spawn pebble env PEBBLE_VA_NOSLEEP=1 "PEBBLE_WFE_NONCEREJECT=$NONCEREJECT" \
        PEBBLE_AUTHZREUSE=0 "PEBBLE_CHAIN_LENGTH=$CHAIN_LENGTH" \
        pebble -config "$DIR/pebble/pebble.json" -dnsserver "${CA_RESOLVER4}:53"
}

ask_pebble() {
    curl -sS --fail --max-time 2 --cacert "$DIR/pebble-ca.pem" \
        "https://${PEBBLE4}:14000/dir" | grep newOrder >/dev/null
}

# --- TLSA records of a zone's mail host

# The SPKI digests (RFC 6698 selector 1, matching type 1) of each key in a chain file.
spki_digests() {
    awk '
        /^-----BEGIN .*PRIVATE KEY-----/ { key = "" ; inside = 1 }
        inside { key = key $0 "\n" }
        /^-----END .*PRIVATE KEY-----/ {
            inside = 0
            command = "openssl pkey -pubout -outform DER | openssl sha256 -r"
            printf "%s", key | command
            close(command)
        }' "$1" | cut -d' ' -f1
}

tlsa_right() {
    local digest list=()
    for digest in $(spki_digests "$DIR/mx-$1/tls/chain.pem"); do
        list+=("3 1 1 $digest")
    done
    [ ${#list[@]} -gt 0 ] || die "no private key in $DIR/mx-$1/tls/chain.pem"
    tlsa_publish "$1" "${list[@]}"
}

# tlsa_publish KEY RDATA... : these records and no others; none removes the RRset
tlsa_publish() {
    local key=$1 owner=_25._tcp.mx.$1.test. rdata
    shift
    if [ "$key" = bind ]; then
        {
            printf 'server %s\nzone bind.test.\nupdate delete %s TLSA\n' "$BIND4" "$owner"
            [ $# = 0 ] || printf "update add $owner $TTL TLSA %s\n" "$@"
            echo send
        } | nsupdate -k "$DIR/tsig.key" -t 5 >&2
        return
    fi
    {
        printf '{"rrsets":[{"name":"%s","type":"TLSA","ttl":%s,"changetype":"REPLACE","records":[' \
            "$owner" "$TTL"
        for rdata in "$@"; do
            printf '{"content":"%s","disabled":false}' "$rdata"
            [ "$rdata" = "${!#}" ] || printf ','
        done
        printf ']}]}'
    } | pdns_api zones/pdns.test. -X PATCH -H 'Content-Type: application/json' --data @- >&2
    pdns_api zones/pdns.test./notify -X PUT >/dev/null
}

tlsa_show() {
    local key=$1 primary=$N_BIND secondary=$N_SEC_BIND n
    [ "$key" = bind ] || primary=$N_PDNS secondary=$N_SEC_PDNS
    for n in $primary $secondary; do
        ask "@$(a4 "$n")" "_25._tcp.mx.$key.test." TLSA +noall +answer |
            sed -n "s/^[^;]/$(a4 "$n") &/p"
    done
}

# --- mail through the world

sender_log_size() {
    stat -c %s "$DIR/sender/mail.log"
}

send_mails() {
    local zone count=${2:-1}
    zone=$(zone_key "$1").test
    case "$count" in
        '' | *[!0-9]* | 0) die "send: '$2' is no number of mails" ;;
    esac
    smtp-source -m "$count" -s 1 -M sender.test -f world@sender.test -t "sink@$zone" \
        "${SENDER4}:25"
}

# verdict [--wait SECONDS] [--each] [MARK]
verdict() {
    local seconds=0 each=0 mark=0
    while [ $# -gt 0 ]; do
        case "$1" in
            --wait) seconds=$2 && shift ;;
            --each) each=1 ;;
            *) mark=$1 ;;
        esac
        shift
    done
    if [ "$seconds" -gt 0 ]; then
        wait_for "$seconds" "the fate of every mail" "$DIR/sender/mail.log" all_settled "$mark" ||
            return 1
    fi
    verdict_of "$mark" $each
}

verdict_of() {
    tail -c "+$(($1 + 1))" "$DIR/sender/mail.log" |
        awk -v each="$2" -f "$here/verdict.awk"
}

all_settled() {
    verdict_of "$1" 0 | grep ' pending=0$' >/dev/null
}
