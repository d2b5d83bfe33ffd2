#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# How the private root is made: the mirror is the host's own in either format of sources, a root
# is there whole or not at all, and two runs at once make one.
# shellcheck disable=SC2154,SC2016 # world_folder is of testlib.sh; scripts are written in quotes
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
# shellcheck source=/dev/null
host=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
other=trixie
[ "$host" != trixie ] || other=bookworm

# --- sources

sources_are() {
    local got
    got=$(WORLD_APT=$here/apt WORLD_SUITE=$1 "$world_folder/root" --sources)
    echo "$got"
    [ "$got" = "$2" ]
}
apt() {
    rm -rf "$here/apt"
    mkdir -p "$here/apt/sources.list.d"
    cat >"$here/apt/$1"
}

apt sources.list <<LIST
# deb http://comment.invalid/debian $host main
deb cdrom:[Debian]/ $host main
deb-src http://source.invalid/debian $host main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://other.invalid/things stable main
deb [signed-by=/x.gpg] http://one.invalid/debian $host main contrib # the archive
deb	http://one.invalid/debian $host-updates main
deb http://two.invalid/security $host-security main
deb http://one.invalid/debian $host-backports main
LIST
check "one-line sources" sources_are "$host" "deb http://one.invalid/debian $host main
deb http://one.invalid/debian $host-updates main
deb http://two.invalid/security $host-security main"
check "for the other suite" sources_are "$other" "deb http://one.invalid/debian $other main
deb http://one.invalid/debian $other-updates main
deb http://two.invalid/security $other-security main"

apt sources.list.d/debian.sources <<LIST
Types: deb
URIs: http://off.invalid/debian
Suites: $host
Components: main
Enabled: no

# a comment
Types: deb deb-src
URIs: http://one.invalid/debian
  http://mirror.invalid/debian
Suites: $host $host-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF

types: deb
uris: http://two.invalid/security
suites: $host-security
components: main

Types: deb-src
URIs: http://source.invalid/debian
Suites: $host
Components: main

Types: deb
URIs: http://other.invalid/things
Suites: stable
Components: main
LIST
check "deb822 sources" sources_are "$host" "deb http://one.invalid/debian $host main
deb http://one.invalid/debian $host-updates main
deb http://mirror.invalid/debian $host main
deb http://mirror.invalid/debian $host-updates main
deb http://two.invalid/security $host-security main"

apt sources.list <<LIST
deb http://other.invalid/things stable main
LIST
check "none: debootstrap's default" sources_are "$host" ""
check "a suite we do not know is refused" differs env WORLD_SUITE=sid "$world_folder/root" --sources

# --- made whole or not at all; debootstrap is played by a script

# debootstrap_does TEXT : what a fake debootstrap does with its last arguments, SUITE and FOLDER
debootstrap_does() {
    mkdir -p "$here/bin"
    printf '#!/bin/sh\nset -eu\n%s\n' "$1" >"$here/bin/debootstrap"
    chmod 755 "$here/bin/debootstrap"
}
root() {
    PATH=$here/bin:$PATH WORLD_APT=$here/apt DANEMILTER_CACHE=$here/cache "$world_folder/root" "$@"
}
roots() {
    find "$here/cache" -maxdepth 1 -name 'root-*' -type d
}

debootstrap_does 'mkdir -p "$4/usr"; echo "E: no such mirror"; exit 1'
fails_and_says_why() {
    local said
    said=$(root 2>&1) && return 1
    echo "$said"
    [[ $said == *"E: no such mirror"* && $said == *"could not be made"* ]]
}
check "a failure is told, with the end of the log" fails_and_says_why
check "and leaves no root" test -z "$(roots)"
check "--have: none" differs root --have

# A root so small that the commands which fill it do nothing: enough to see who makes it.
debootstrap_does 'echo made >>"'"$here"'/made"
folder=$4
for part in etc/apt/apt.conf.d etc/dpkg/dpkg.cfg.d usr/sbin usr/bin proc root var/lib/apt/lists var/log; do
    mkdir -p "$folder/$part"
done'
cat >"$here/bin/chroot" <<'CHROOT'
#!/bin/sh
sleep 1
CHROOT
chmod 755 "$here/bin/chroot"
two_at_once() {
    local first second pid
    root >"$here/first" 2>"$here/first.err" &
    pid=$!
    second=$(root) || return 1
    wait $pid || return 1
    first=$(<"$here/first")
    echo "first: $first, second: $second"
    [ -n "$first" ] && [ "$first" = "$second" ] && [ "$(wc -l <"$here/made")" = 1 ]
}
check "two runs at once make one root" two_at_once
check "it is there" test "$(roots | wc -l)" = 1
check "--have: its path" test "$(root --have)" = "$(roots)"
check "no half-made root beside it" test -z "$(find "$here/cache" -name '*.tmp*')"
check "a second run finds it" test "$(root)" = "$(roots)"
check "and makes nothing" test "$(wc -l <"$here/made")" = 1
finish
