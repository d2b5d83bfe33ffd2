#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Making the root, a world's whole life and a command in the root leave the host as it was: its
# packages, enabled units, /etc, mounts, links, and processes.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

here=$(mktemp -d)
trap 'end_worlds; rm -rf "$here"' EXIT

# Names, types, modes, owners, link targets and contents of everything in /etc.
etc() {
    find /etc -xdev -printf '%p %y %m %U:%G %l\n' | sort
    find /etc -xdev -type f -print0 | sort -z | xargs -0 sha256sum
}

units() {
    find /etc/systemd /etc/init.d /etc/rc*.d /lib/systemd/system -printf '%p %l\n' | sort
    if command -v systemctl >/dev/null; then
        systemctl --root=/ list-unit-files --no-legend --no-pager | sort
    fi
}

# snapshot NAME : what the host is, in files $here/NAME.*
snapshot() {
    # shellcheck disable=SC2016
    dpkg-query -W -f '${Package} ${Architecture} ${Version} ${Status}\n' | sort >"$here/$1.packages"
    etc >"$here/$1.etc"
    units >"$here/$1.units"
    cut -d' ' -f4- /proc/self/mountinfo | sort >"$here/$1.mounts"
    ip -oneline address | sed 's/ valid_lft.*//' >"$here/$1.addresses"
    sha256sum /var/lib/dpkg/status /etc/resolv.conf >"$here/$1.sums"
    [ -s "$here/$1.packages" ] && [ -s "$here/$1.etc" ] && [ -s "$here/$1.units" ]
}

same() {
    diff "$here/before.$1" "$here/$2.$1"
}

# Servers of the world that run in the host's own namespaces.
strays() {
    local exe mine
    mine=$(readlink /proc/self/ns/net)
    for exe in /proc/[0-9]*/exe; do
        case "$(readlink "$exe")" in
            */named | */knotd | */pdns_server | */unbound | */pebble | */postfix/sbin/master)
                [ "$(readlink "${exe%exe}ns/net")" != "$mine" ] || echo "$exe"
                ;;
        esac
    done
}

check "the host as it is" snapshot before
strays >"$here/before.strays"

# The comparison itself: a change of one file of /etc, in a mount namespace that ends at once.
notices() {
    export -f etc
    # shellcheck disable=SC2016
    unshare --mount bash -c 'mount --bind /dev/null "$(find /etc -maxdepth 1 -type f -size +0 | head -n 1)" && etc' \
        >"$here/changed.etc" && ! same etc changed >"$here/changed.diff" && [ -s "$here/changed.diff" ]
}
check "the comparison notices a change" notices

check "the root is made or found" "$world_folder/root"
up host
check "a world runs" world send "$name" bind.test 1
check "its mail arrives" world verdict "$name" --wait 20
check "a command in the root" "$world_folder/in-root" sh -c 'echo changed >/etc/hostname && touch /etc/new'
check "down" world down "$name"
check "the host afterwards" snapshot after
strays >"$here/after.strays"
for what in packages etc units mounts addresses sums strays; do
    check "$what: unchanged ($(wc -l <"$here/before.$what") lines)" same $what after
done
finish
