# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154
# The host's side of an instance: its namespaces from the first process to the last.
# Sourced by world; uses here, source_tree, name and dir from there.

name_ok() {
    case "$1" in
        "" | *[!a-z0-9-]* | -*) die "'$1' is no name for an instance: use a-z, 0-9 and -" ;;
    esac
    [ ${#1} -le 32 ] || die "'$1' is too long for the name of an instance (32 characters)"
}

# Field 22 of /proc/PID/stat; nothing if it is gone or a zombie.
start_time_of() {
    local stat
    # A process that ends while we look is simply gone.
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [ "$1" = Z ] || [ "$1" = X ] || printf '%s\n' "${20}"
}

# The host pid of the instance's first process if it still runs, else status 1.
# The start time guards against another process that was given the same number.
init_pid() {
    local pid began
    [ -r "$1/init" ] || return 1
    read -r pid began <"$1/init" || return 1
    [ -n "$began" ] && [ "$(start_time_of "$pid")" = "$began" ] || return 1
    printf '%s\n' "$pid"
}

require_up() {
    pid=$(init_pid "$dir") || die "no instance '$name' is up (see: world list)"
}

run_inside() {
    nsenter -t "$pid" --net --mount --pid --uts --ipc --root --wd -- \
        /usr/bin/env -u TMPDIR -u SSL_CERT_FILE -u SSL_CERT_DIR -u CURL_CA_BUNDLE \
        -u http_proxy -u https_proxy -u LD_LIBRARY_PATH \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 "$@"
}

list_instances() {
    local each pid
    for each in "$WORLD_STATE"/*/; do
        each=${each%/}
        [ -f "$each/suite" ] || continue
        if pid=$(init_pid "$each"); then
            printf '%s up pid=%s suite=%s\n' "${each##*/}" "$pid" "$(cat "$each/suite")"
        else
            printf '%s dead (world down %s clears it away)\n' "${each##*/}" "${each##*/}"
        fi
    done
}

# The launcher stays in the host's pid namespace, so its first child is the new namespace's
# first process and $! its number on the host.
launch() {
    local root=$1
    shift
    # shellcheck disable=SC2016
    setsid --wait unshare --net --mount --uts --ipc --pid -- bash -eu -c '
        dir=$1
        . "$2"
        shift 2
        close_fds
        bash "$@" </dev/null >"$dir/init.log" 2>&1 &
        echo $! >"$dir/pid"' launcher "$dir" "$here/lib.sh" "$here/ns-init" "$root" "$dir" "$source_tree" "$@"
    read -r pid <"$dir/pid"
    rm "$dir/pid"
    printf '%s %s\n' "$pid" "$(start_time_of "$pid")" >"$dir/init"
    wait_for 10 "the overlay over the private root" "$dir/init.log" test -e "$dir/mounted" ||
        { keep_logs && clear_away && die "'$name' did not start; its logs are in $dir.failed"; }
}

# One `up` or `down` of a name at a time. The file goes away with the instance, so whoever waited
# for a file that is gone by now has to take the new one.
lock_name() {
    local file=$WORLD_STATE/.$name.lock
    mkdir -p "$WORLD_STATE"
    while :; do
        exec 9>"$file"
        flock -w 120 9 || die "another run holds the instance '$name'"
        [ ! "$file" -ef /proc/self/fd/9 ] || break
    done
}

bring_up() {
    local root suite binds=() settings=() began
    while [ $# -gt 0 ]; do
        case "$1" in
            --bind)
                [ $# -ge 2 ] || die "--bind: which folder?"
                binds+=("$(cd "$2" && pwd)")
                shift
                ;;
            [A-Z]*=*) settings+=("$1") ;;
            *) die "up: '$1' is neither --bind FOLDER nor SETTING=VALUE" ;;
        esac
        shift
    done
    need_tools unshare nsenter setsid flock mount pivot_root
    began=$(now_ms)
    lock_name
    if pid=$(init_pid "$dir") && [ -e "$dir/ready" ]; then
        if [ ${#settings[@]} -gt 0 ] || [ ${#binds[@]} -gt 0 ]; then
            [ "${settings[*]} ${binds[*]}" = "$(cat "$dir/asked")" ] ||
                die "'$name' is up with other settings or folders: world down $name first"
        fi
        say "'$name' is up already"
        return
    fi
    clear_away
    rm -rf "$dir.failed"
    root=$("$here/root")
    suite=$(world_suite)
    mkdir -m 755 "$dir"
    printf '%s\n' "$suite" >"$dir/suite"
    printf '%s\n' "${settings[*]} ${binds[*]}" >"$dir/asked"
    launch "$root" "${binds[@]}"
    if ! run_inside "$here/inside/up" "$dir" "$pid" "${settings[@]}" 9>&-; then
        keep_logs
        clear_away
        die "'$name' did not come up; its logs are in $dir.failed"
    fi
    : >"$dir/ready"
    say "'$name' is up ($suite, $(($(now_ms) - began)) ms)"
}

# What a failed start leaves for reading: text, no keys, no databases.
keep_logs() {
    rm -rf "$dir.failed"
    mkdir -m 700 "$dir.failed"
    (cd "$dir" && find . -path ./ns -prune -o -name '*.log' -type f -print |
        tar -cf - -T -) | tar -xf - -C "$dir.failed"
}

# Ends exactly what `up` started: killing the first process of a pid namespace ends the others.
clear_away() {
    local pid
    if pid=$(init_pid "$dir"); then
        kill -KILL "$pid"
        wait_for 10 "the end of the instance '$name'" "$dir/init.log" gone
    fi
    rm -rf --one-file-system "$dir"
}

gone() {
    ! init_pid "$dir"
}

bring_down() {
    local had=no
    lock_name
    [ ! -d "$dir" ] || had=yes
    clear_away
    rm -rf "$dir.failed"
    rm -f "$WORLD_STATE/.$name.lock"
    [ $had = no ] || say "'$name' is down"
}
