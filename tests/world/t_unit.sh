#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The systemd unit, by systemd's own judgement, without a systemd that runs: it is understood, belongs to
# Debian's Postfix, and is closed as far as a helper that has to be root can be.
# shellcheck disable=SC2154 # name and world_folder are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up unit --bind "${DANEMILTER_BUILD:?the folder of the build}"
source_tree=$(cd "$world_folder/../.." && pwd)
unit=/etc/systemd/system/danemilter.service
analyze() { inside systemd-analyze "$@"; }
# What it says of the unit alone; Debian's own units are not our affair.
complaints() { analyze verify --man=no "$unit" 2>&1 | grep danemilter; }

check "Debian's unit of Postfix is there" inside test -e /lib/systemd/system/postfix@.service
check "the program" inside install -m 755 "$DANEMILTER_BUILD/danemilter" /usr/lib/postfix/sbin/danemilter
check "the unit" inside install -m 644 "$source_tree/postfix-conf/danemilter.service" "$unit"
check "it is understood" differs complaints
check "an error would be seen" inside sed -i 's/^RestartSec=10/RestartSec=ten or so/' "$unit"
check "as one" complaints
check "the unit again" inside install -m 644 "$source_tree/postfix-conf/danemilter.service" "$unit"
check "it is bound to Postfix" inside grep -x 'BindsTo=postfix@-.service' "$unit"
analyze security --offline=true --no-pager danemilter.service | tail -n 2
check "exposure of 4.0 at most" analyze security --offline=true --threshold=40 --no-pager danemilter.service
finish
