# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# common.sh - read by every check.
#
# A check is called as  CHECK [TREE]  and looks at the source tree TREE (default: the one it lies
# in). It prints one line "FILE:LINE: what and how to mend it" for each violation and ends with
# status 0 = clean, 1 = violations, 77 = not run (with the reason), anything else = the check
# itself failed. Nothing outside the project's own folders is looked at, so that build
# directories inside the tree do no harm.

set -u -o pipefail
export LC_ALL=C

check_name=$(basename "$0")
check_dir=$(cd "$(dirname "$0")" && pwd)
tree=${1:-${DANEMILTER_SOURCE:-$check_dir/../..}}
cd "$tree" || { echo "$check_name: no folder $tree" >&2; exit 2; }

# tree_files ROOT... -- FIND-EXPRESSION: files below those of the roots that exist, sorted.
tree_files() {
    local roots=()
    while [ "$1" != -- ]; do
        [ -e "$1" ] && roots+=("$1")
        shift
    done
    shift
    [ ${#roots[@]} -gt 0 ] || return 0
    find "${roots[@]}" \( -path autotools/aux -o -name '.deps' \) -prune -o -type f "$@" -print | sort
}

# The C of the programs, and the C of everything.
product_sources() { tree_files rollover milter -- -name '*.[ch]'; }
c_sources() { tree_files rollover milter tests -- -name '*.[ch]'; }

# Every shell script of ours: by its name or by its first line.
shell_scripts() {
    local file first
    tree_files autotools tests milter rollover postfix-conf .ci -- | while IFS= read -r file; do
        case $file in
        *.sh) echo "$file" && continue ;;
        *.c | *.h | *.mk | *.m4 | *.md | *.conf) continue ;;
        esac
        IFS= read -r first <"$file" 2>/dev/null || true
        case ${first:-} in
        '#!'*[/\ ]sh | '#!'*[/\ ]bash | '#!'*'sh '-*) echo "$file" ;;
        esac
    done
}

# require_sources LIST: a check that finds nothing to look at has not passed.
require_sources() {
    if [ -z "$1" ]; then
        echo "$check_name: no source found below $PWD: this is not a danemilter tree" >&2
        exit 2
    fi
}

not_run() {
    echo "$check_name: NOT RUN: $*"
    exit 77
}

# verdict COUNT WHAT
verdict() {
    if [ "$1" -eq 0 ]; then
        echo "$check_name: clean ($2)"
        exit 0
    fi
    echo "$check_name: $1 violation(s) ($2)"
    exit 1
}
