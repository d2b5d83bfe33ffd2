# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154
#
# install.sh - autotools/setup install and uninstall, on a server whose Postfix is there already.
# Sourced by setup, whose say, die, step, is_root, check_system, missing_packages, compile, top and
# build it uses.
#
# What was put where is noted in the manifest, a line each: "file PATH", "folder PATH",
# "config PATH SHA256", "user NAME". uninstall goes by that and by nothing else.

prefix=/usr/local
manifest=$prefix/share/danemilter/installed
conf_dir=/etc/danemilter
chain_dir=/etc/postfix/danemilter
dry=''

# act WHAT COMMAND...: says what, and does it unless --dry-run was given.
act() {
    local what=$1
    shift
    if [ -n "$dry" ]; then
        say "would: $what"
        return
    fi
    say "$what"
    "$@" || die "that failed: $*"
}

# Once each: what an earlier run put is still ours.
record() {
    [ -z "$dry" ] || return 0
    grep -qxF -- "$*" "$manifest" 2>/dev/null || printf '%s\n' "$*" >>"$manifest"
}

postfix_value() { postconf -hx "$1"; }

look_at_postfix() {
    command -v postconf >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/usr/local/sbin
    command -v postconf >/dev/null 2>&1 ||
        die "there is no Postfix here (no postconf). danemilter lives inside one: install and set Postfix up first; this command never does"
    daemon_directory=$(postfix_value daemon_directory) || die "postconf does not tell daemon_directory: see above"
    postfix_config=$(postfix_value config_directory) || die "postconf does not tell config_directory: see above"
    [ -d "$daemon_directory" ] || die "Postfix's daemon_directory $daemon_directory is no folder"
    chain_dir=$postfix_config/danemilter
    myhostname=$(postfix_value myhostname)
    say "Postfix $(postconf -h mail_version), its programs in $daemon_directory, its configuration in $postfix_config, named $myhostname"
}

install_packages() {
    local missing
    check_system || { say "going on with what is installed"; return; }
    mapfile -t missing < <(missing_packages build run)
    if [ ${#missing[@]} -eq 0 ]; then
        say "every package that is needed is installed already"
    elif [ -n "$dry" ]; then
        say "would: apt-get install ${missing[*]}"
    else
        apt_install "${missing[@]}"
    fi
}

# The files of make install, found out in a folder of its own, before anything is touched.
install_files() {
    local stage file
    stage=$(mktemp -d) || die "no temporary folder"
    make -C "$build" --no-print-directory install DESTDIR="$stage" prefix="$prefix" \
        daemon_directory="$daemon_directory" >"$stage.log" 2>&1 ||
        { tail -n 20 "$stage.log"; die "make install failed: see above"; }
    mkdir -p "${manifest%/*}"
    while IFS= read -r file; do
        record "file ${file#"$stage"}"
    done < <(find "$stage" ! -type d | sort)
    make -C "$build" --no-print-directory install prefix="$prefix" \
        daemon_directory="$daemon_directory" >"$stage.log" 2>&1 ||
        { tail -n 20 "$stage.log"; die "make install failed: see above"; }
    rm -rf "$stage" "$stage.log"
}

make_user() {
    if getent passwd danemilter >/dev/null; then
        say "the user danemilter is there already"
        return
    fi
    act "make the user danemilter" adduser --quiet --system --group --no-create-home \
        --home /var/lib/danemilter danemilter
    record "user danemilter"
}

# make_folder PATH MODE OWNER:GROUP
make_folder() {
    if [ -d "$1" ]; then
        say "the folder $1 is there already"
        return
    fi
    act "make the folder $1 ($3, mode $2)" install -d -m "$2" -o "${3%:*}" -g "${3#*:}" "$1"
    record "folder $1"
}

# The example with this server's names in it.
write_config() {
    local domain=${myhostname#*.}
    sed -e "s/mx\\.example\\.org/$myhostname/g" -e "s/example\\.org/$domain/g" \
        -e "s|/etc/postfix/danemilter|$chain_dir|g" -e "s|/etc/postfix|$postfix_config|g" \
        "$top/postfix-conf/danemilter.conf.example" >"$conf_dir/danemilter.conf.new" &&
        chmod 0640 "$conf_dir/danemilter.conf.new" &&
        chgrp danemilter "$conf_dir/danemilter.conf.new" &&
        mv "$conf_dir/danemilter.conf.new" "$conf_dir/danemilter.conf"
}

make_config() {
    local file=$conf_dir/danemilter.conf
    if [ -e "$file" ]; then
        say "$file is there already, and stays as it is"
        return
    fi
    act "write $file, an example with the name $myhostname in it" write_config
    [ -n "$dry" ] || record "config $file $(sha256sum <"$file" | cut -d' ' -f1)"
}

# Where the present certificate comes from: the line that makes the first chain file of it.
first_chain() {
    local chain key cert
    chain=$(postfix_value smtpd_tls_chain_files)
    key=$(postfix_value smtpd_tls_key_file)
    cert=$(postfix_value smtpd_tls_cert_file)
    [ -n "$key" ] || key=$cert
    if [ -n "$chain" ]; then
        echo "cat ${chain//,/ }"
    elif [ -n "$cert" ] && [ "$cert" != none ]; then
        echo "cat $key $cert"
    else
        echo "openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=$myhostname -addext subjectAltName=DNS:$myhostname -keyout - 2>/dev/null"
    fi
}

# milter_setting: smtpd_milters as it is, with ours at its end
milter_setting() {
    local now
    now=$(postfix_value smtpd_milters)
    case $now in
    *unix:danemilter/milter*) echo "$now" ;;
    *) echo "${now:+$now, }{ unix:danemilter/milter, default_action=accept }" ;;
    esac
}

in_master_cf() { [ -n "$(postconf -M danemilter/unix 2>/dev/null)" ]; }

next_steps() {
    local pem=$chain_dir/mx.pem
    if in_master_cf; then
        say "installed; master.cf starts danemilter already. To go over to this version: postfix reload"
        return
    fi
    cat <<END

Installed. Nothing of Postfix was changed. What to do next (README.md says more):

1. Give Postfix one file with keys and certificates, to begin with those it has now:
     (umask 077; $(first_chain) >$pem)
     postconf -e smtpd_tls_chain_files=$pem smtpd_tls_security_level=may
     postfix reload

2. Put the key that may change the zone where the configuration will name it, closed to others:
     install -m 640 -g danemilter YOUR-TSIG-KEY $conf_dir/tsig.key

3. Make the configuration yours, until it has no errors:
     \${EDITOR:-editor} $conf_dir/danemilter.conf
     danectl config --check

4. Name it to Postfix, and ask what would stop a rollover here:
     postconf -Me 'danemilter/unix=danemilter unix - n n 10 1 danemilter'
     postconf -e 'smtpd_milters=$(milter_setting)'
     danectl check

5. Let Postfix start it, and look (the mail log tells the rest):
     postfix reload
     sleep 10; danectl status
     danectl probe $myhostname

END
}

only_dry_run() {
    case ${2:-} in
    '') ;;
    --dry-run) dry=1 ;;
    *) die "$1: no such option: $2 (there is --dry-run)" ;;
    esac
    [ -n "$dry" ] || is_root || die "$1: run it as root (or with --dry-run, to see what it would do)"
}

install_danemilter() {
    only_dry_run install "$@"
    step "Postfix"
    look_at_postfix
    step "packages"
    install_packages
    if [ -n "$dry" ]; then
        step "build and install"
        say "would: build in $build, then make install prefix=$prefix daemon_directory=$daemon_directory"
    else
        compile
        step "install"
        act "make install below $prefix, and danemilter into $daemon_directory" install_files
    fi
    step "user, folders, configuration"
    make_user
    make_folder "$conf_dir" 0750 root:danemilter
    make_folder "$chain_dir" 0700 root:root
    make_config
    [ -n "$dry" ] || next_steps
}

# remove_line KIND PATH [SHA256]
remove_line() {
    case $1 in
    file)
        [ ! -e "$2" ] || act "remove $2" rm -f "$2"
        ;;
    config)
        if [ ! -e "$2" ]; then
            return
        elif [ "$(sha256sum <"$2" | cut -d' ' -f1)" = "$3" ]; then
            act "remove $2, which nobody has changed" rm -f "$2"
        else
            say "$2 was changed: it stays"
        fi
        ;;
    folder)
        [ -d "$2" ] || return 0
        if [ -n "$(find "$2" -mindepth 1 -print -quit)" ]; then
            say "the folder $2 is not empty: it stays"
        else
            act "remove the folder $2" rmdir "$2"
        fi
        ;;
    user)
        if [ -e "/var/lib/$2" ]; then
            say "the user $2 stays, because the state in /var/lib/$2 is its own"
        else
            act "remove the user $2" deluser --quiet --system "$2"
        fi
        ;;
    esac
}

uninstall_danemilter() {
    local kind path sum reason force=''
    if [ "${1:-}" = --force ]; then
        force=1
        shift
    fi
    only_dry_run uninstall "$@"
    [ -r "$manifest" ] || die "there is no $manifest: nothing was installed from here"
    look_at_postfix
    if [ -z "$force" ] && ! reason=$("$top/autotools/lib/in-use" "$prefix/bin/danectl" "$conf_dir/danemilter.conf"); then
        die "$reason (--force goes on without)"
    fi
    # Last things first: what a folder holds, then the folder.
    while read -r kind path sum; do
        remove_line "$kind" "$path" "$sum"
    done < <(grep -E '^(file|config) ' "$manifest"; grep '^folder ' "$manifest" | sort -r
        grep '^user ' "$manifest")
    act "remove the list of what was installed" rm -f "$manifest"
    [ -n "$dry" ] || rmdir "${manifest%/*}" 2>/dev/null || :
    say "state in /var/lib/danemilter, the chain files and the records in DNS are as they were"
}
