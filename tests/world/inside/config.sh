# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# Names, addresses and folders of an instance: the one place that says them.
# Sourced inside; expects DIR, the folder of the instance.

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# Host N of the world has 192.0.2.N and 2001:db8::N (RFC 5737, RFC 3849), all on the namespace's lo.
a4() { printf '192.0.2.%s' "$1"; }
a6() { printf '2001:db8::%s' "$1"; }

HOSTS="ROOT=1 TLD=2 BIND=11 PDNS=12 SEC_BIND=13 SEC_PDNS=14 RESOLVER=21 CA_RESOLVER=22 PEBBLE=31
    MX_BIND=41 MX_PDNS=42 SENDER=51"
for host in $HOSTS; do # N_BIND=11 BIND4=192.0.2.11 BIND6=2001:db8::11, and so on
    declare "N_${host%=*}=${host#*=}"
    declare "${host%=*}4=$(a4 "${host#*=}")" "${host%=*}6=$(a6 "${host#*=}")"
done

SERVICES="root tld bind pdns secondary resolver ca-resolver pebble mx-bind mx-pdns sender"
TSIG_NAME=danemilter.
TSIG_ALGORITHM=hmac-sha256

# Addresses of a service, for dropping its packets.
addresses_of() {
    local n
    case "$1" in
        root) n=$N_ROOT ;;
        tld) n=$N_TLD ;;
        bind) n=$N_BIND ;;
        pdns) n=$N_PDNS ;;
        secondary) n="$N_SEC_BIND $N_SEC_PDNS" ;;
        resolver) n=$N_RESOLVER ;;
        ca-resolver) n=$N_CA_RESOLVER ;;
        pebble) n=$N_PEBBLE ;;
        mx-bind) n=$N_MX_BIND ;;
        mx-pdns) n=$N_MX_PDNS ;;
        sender) n=$N_SENDER ;;
        *.* | *:*)
            printf '%s\n' "$1"
            return
            ;;
        *) die "no service '$1' (there are: $SERVICES)" ;;
    esac
    for n in $n; do
        a4 "$n"
        echo
        a6 "$n"
        echo
    done
}

# bind.test -> bind; pdns.test -> pdns; "bind" and "pdns" are taken as well.
zone_key() {
    case "$1" in
        bind | bind.test | bind.test.) echo bind ;;
        pdns | pdns.test | pdns.test.) echo pdns ;;
        *) die "no mail zone '$1' (there are: bind.test pdns.test)" ;;
    esac
}
