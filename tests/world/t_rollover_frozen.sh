#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A secondary that stops following, in the middle of a wait: no key is switched and status names the
# server; a renewal with the same key goes through all the same; once it follows, so does the
# rollover. Self-signed, because pebble's certificates live for years.

set -u
[ "$(id -u)" -eq 0 ] || {
    echo 'the mail world needs root: skipped'
    exit 77
}
issuer=selfsigned
# shellcheck source=tests/world/rollover.sh disable=SC2119
. "$(dirname "$0")/rollover.sh"
trap roll_down EXIT
trap 'exit 1' INT TERM

# served: the public keys that the receiving Postfix's file holds, in order
served() { roll_in openssl pkey -in "$chain" -pubout 2>/dev/null | sha256sum | cut -c 1-16; }
serials() { roll_in openssl x509 -in "$chain" -noout -serial; }
named() { roll_status | grep "! ns2.$domain ($ns2) still shows .*; missing: 3 1 1" >/dev/null; }
changed() { [ "$(served)" != "$1" ]; }
renewed() { [ "$(serials)" != "$1" ]; }

roll_up
# A certificate of 60 s: renewed from 30 s before its end, with the key it has from 15 s before.
roll_config '"p256", "rsa2048"' 5s 'lifetime = "60s" before = "30s" margin = "15s"'
roll_start
roll_all_published || exit 1
roll_probe
roll_until 60 'the first rollover' roll_reached 1 || exit 1

"$world" freeze "$name" || exit 1
roll_until 30 'a standby that the secondary does not show' named || exit 1
key=$(served) serial=$(serials)
roll_note "frozen: $(roll_status | grep '!')"
roll_until 60 'a renewal with the same key' renewed "$serial" || exit 1
[ "$(served)" = "$key" ] || roll_die 'the key was switched although a secondary is frozen'
roll_note 'renewed with the same key, the secondary frozen all the time'
named || roll_die 'status does not name the frozen server any more'
roll_status

"$world" thaw "$name" || exit 1
roll_until 60 'the switch after the thaw' changed "$key" || exit 1
roll_note 'thawed: switched'
sleep 3
roll_probed || roll_die "the prober saw it: ${probes[$zone]}"
roll_note "${probes[$zone]}"
