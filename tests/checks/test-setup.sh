#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# autotools/setup and autotools/lib/summary, with stand-ins for apt-get, dpkg-query and id: what is
# installed is left alone, without root nothing is, and a result line never hides a failure.
set -u
source=${DANEMILTER_SOURCE:?run by make check}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
unset DANEMILTER_BUILD
fail() {
    echo "FAILED: $*"
    [ ! -s "$work/out" ] || cat "$work/out"
    exit 1
}

# stand_in NAME BODY
mkdir "$work/bin"
stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}
# setup WANTED-STATUS ARG...: output in $work/out, calls of apt-get in $work/apt
setup() {
    local wanted=$1 status
    shift
    rm -f "$work/apt"
    PATH=$work/bin:$PATH "$source/autotools/setup" "$@" >"$work/out" 2>&1
    status=$?
    [ "$status" -eq "$wanted" ] || fail "setup $* ended with $status, not $wanted"
}

stand_in apt-get "echo \"\$*\" >>'$work/apt'"
stand_in id 'echo 0'

# A machine without Postfix: nothing is installed, built or made.
if ! command -v postconf >/dev/null && [ ! -e /usr/sbin/postconf ]; then
    setup 1 install
    grep -q 'there is no Postfix here' "$work/out" || fail "install without Postfix does not say so"
    [ ! -e "$work/apt" ] || fail "install without Postfix called apt-get"
fi
setup 1 uninstall --nonsense
setup 2 nonsense
setup 2
grep -q '^usage:' "$work/out" || fail "no usage"
setup 0 --help

# The package part says no on another system, so it is tried on Debian 12 and 13 only.
if (. /etc/os-release && [ "${ID:-}" = debian ] && [[ ${VERSION_ID:-} == 1[23] ]]); then
    stand_in dpkg-query 'echo installed'
    setup 0 packages
    [ ! -e "$work/apt" ] || fail "apt-get was called although everything is installed"

    # shellcheck disable=SC2016 # the stand-in expands this
    stand_in dpkg-query 'case "$*" in *libldns-dev*|*cppcheck*) echo not-installed; exit 1;; esac; echo installed'
    setup 0 packages
    grep -Eq '^-q -y --no-install-recommends install libldns-dev$' "$work/apt" || fail "apt-get: $(cat "$work/apt")"
    setup 0 packages --lint
    grep -Eq ' install libldns-dev cppcheck$' "$work/apt" || fail "apt-get: $(cat "$work/apt")"

    stand_in apt-get 'case "$*" in *update*) exit 100;; esac'
    setup 0 packages
    grep -q 'apt-get update reported errors' "$work/out" || fail "an error of apt-get update was hidden"
    stand_in apt-get 'exit 100'
    setup 1 packages
    grep -q 'could not install libldns-dev' "$work/out" || fail "a failed installation was hidden"

    stand_in apt-get "echo \"\$*\" >>'$work/apt'"
    stand_in id 'echo 1000'
    setup 1 packages
    [ ! -e "$work/apt" ] || fail "apt-get was called without root"
    grep -q 'not root, and these packages are missing: libldns-dev' "$work/out" || fail "not named"
    setup 1 demo
    grep -q 'run it as root' "$work/out" || fail "demo without root"
fi
if grep -Eiw '(postfix|bind9|named|knot|unbound|pdns-server|pebble|exim4)$' "$source/autotools/lib/packages"; then
    fail "a server among the packages"
fi

# summary: result of each harness word, and never a success without a test
summary() {
    "$source/autotools/lib/summary" "$work/build" >"$work/out" 2>&1
    status=$?
}
result() { # NAME WORD
    mkdir -p "$work/build/tests"
    printf ':test-result: %s\n:global-test-result: %s\n' "$2" "$2" >"$work/build/tests/$1.trs"
    printf 'words of %s\nrun-test: 3 s, status 1\n%s tests/%s (exit status: 1)\n' "$1" "$2" "$1" >"$work/build/tests/$1.log"
}
mkdir "$work/build"
summary
[ "$status" -eq 1 ] || fail "no test ran, yet status $status"
grep -qx '0 passed, 1 failed, 0 skipped' "$work/out" || fail "no test ran"
result a PASS
result b XFAIL
result c SKIP
summary
[ "$status" -eq 0 ] || fail "status $status without a failure"
[ "$(tail -n 1 "$work/out")" = '2 passed, 0 failed, 1 skipped' ] || fail "wrong sum"
grep -qx '    words of c' "$work/out" || fail "the reason of the skipped test is missing"
result d FAIL
result e ERROR
result f XPASS
result g ''
summary
[ "$status" -eq 1 ] || fail "failures, yet status $status"
[ "$(tail -n 1 "$work/out")" = '2 passed, 4 failed, 1 skipped' ] || fail "wrong sum"
grep -q '^failed: tests/d ' "$work/out" || fail "the failed test is not named"
echo ok
