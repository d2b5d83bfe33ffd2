# SPDX-License-Identifier: BSD-2-Clause
#
# layering.awk - reads "FILE:LINE:#include ..." lines; see the script layering for the rules.
# -v files=all sources, -v core_functions=headers of core that declare functions.

function node(file) {
    if (file == "rollover/ports.h") return "ports"
    if (file ~ /^milter\/main[a-z_]*\.[ch]$/ || file ~ /^milter\/danectl[a-z_]*\.[ch]$/) return "main"
    if (file ~ /^milter\/compose\.[ch]$/) return "compose"
    if (file ~ /^milter\//) return "milter"
    if (file ~ /^rollover\/[^\/]*$/) return "engine"
    sub(/^rollover\//, "", file)
    sub(/\/.*/, "", file)
    return file
}

function allowed(from, to, target,    types) {
    if (from == to || from == "main") return 1
    types = to == "core" && !(target in declares)
    if (from == "base" || from == "core") return 0
    if (to == "base") return 1
    if (from in adapter) return to == "ports" || to == "net" || to == "crypto" || types
    if (from == "ports") return types
    if (from == "engine") return to == "core" || to == "ports"
    if (from == "compose" && to == "engine") return 1
    if (from == "milter" || from == "compose")
        return to == "milter" || to == "conf" || to == "ports" || types ||
            target == "rollover/snapshot.h" || target == "rollover/crypto/key.h"
    return 0
}

# The file that a quoted include names: beside the including file, from the top, or from rollover.
function resolve(file, name,    dir) {
    dir = file
    sub(/[^\/]*$/, "", dir)
    if ((dir name) in known) return dir name
    if (name in known) return name
    if (("rollover/" name) in known) return "rollover/" name
    return ""
}

function library(name,    i) {
    for (i = 1; i <= libraries; i++)
        if (index(name, prefix[i]) == 1) return i
    return 0
}

function at_home(file, folders,    n, part, i) {
    n = split(folders, part, " ")
    for (i = 1; i <= n; i++)
        if (index(file, part[i]) == 1) return 1
    return 0
}

function complain(text) { print where ": " text }

function home(row, folder) { libraries++; prefix[libraries] = row; owner[libraries] = folder }

BEGIN {
    count = split(files, names, "\n")
    for (i = 1; i <= count; i++) known[names[i]] = 1
    count = split(core_functions, names, "\n")
    for (i = 1; i <= count; i++) declares[names[i]] = 1
    count = split("conf crypto acme dns net store postfix", names, " ")
    for (i = 1; i <= count; i++) adapter[names[i]] = 1

    # A library's headers, and the places that may include them; "" = any one, but one only.
    home("openssl/", "rollover/crypto/")
    home("curl/", "rollover/net/")
    home("ldns/", "rollover/dns/")
    home("unbound", "rollover/dns/")
    home("sqlite3", "rollover/store/")
    home("confuse", "rollover/conf/")
    home("libmilter/", "milter/milter.c")
    home("jansson", "rollover/acme/ rollover/dns/ milter/")
    home("zlib", "")

    # What the compiler and the system bring.
    system_folders = "^(sys|netinet|arpa|net|linux|bits|asm)/[a-z0-9_-]+\\.h$"
    plain = " assert ctype dirent errno fcntl float fnmatch getopt glob grp ifaddrs inttypes iso646 limits locale math" \
        " netdb poll pthread pwd regex resolv sched semaphore setjmp signal spawn stdalign stdarg" \
        " stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings syslog termios time" \
        " unistd utime wchar wordexp "
}

{
    split($0, part, ":")
    file = part[1]
    where = file ":" part[2]
    from = node(file)
    name = $0
    sub(/^[^:]*:[^:]*:[ \t]*#[ \t]*include[ \t]*/, "", name)
    open = substr(name, 1, 1)
    name = substr(name, 2)
    sub(/[">].*/, "", name)

    if (open == "\"") {
        if (name == "config.h") next
        target = resolve(file, name)
        if (target == "") {
            complain("\"" name "\" is no header of this tree; a library's goes into <>")
            next
        }
        to = node(target)
        if (!allowed(from, to, target))
            complain(from " may not include " to (target in declares ? " (it declares functions)" : "") ": " target)
        edges[file] = edges[file] " " target
        if (from != to && to != "main") { folder_edge[from, to] = where; nodes[from] = 1; nodes[to] = 1 }
        next
    }
    if (open != "<") { complain("an include that is neither <> nor \"\""); next }
    if (name in known || ("rollover/" name) in known) { complain("a header of ours goes into \"\": " name); next }
    i = library(name)
    if (i) {
        folder = file
        sub(/[^\/]*$/, "", folder)
        if (owner[i] == "") owner[i] = folder
        if (!at_home(file, owner[i]))
            complain("<" name "> is included in " owner[i] " only")
        next
    }
    if (name ~ system_folders) next
    base = name
    sub(/\.h$/, "", base)
    if (index(plain, " " base " ") == 0)
        complain("<" name "> is of a library that no folder owns: name it in layering.awk")
}

# Depth first; state 1 = on the path, 2 = done.
function visit(at, trail,    next_files, n, i) {
    state[at] = 1
    n = split(edges[at], next_files, " ")
    for (i = 1; i <= n; i++) {
        if (state[next_files[i]] == 1)
            print at ":1: circle of includes: " trail " -> " next_files[i]
        else if (!state[next_files[i]])
            visit(next_files[i], trail " -> " next_files[i])
    }
    state[at] = 2
}

function reach(from, at,    to) {
    for (to in nodes) {
        if (!((at, to) in folder_edge)) continue
        if (to == from) return 1
        if (!((from, to) in reached)) {
            reached[from, to] = 1
            if (reach(from, to)) return 1
        }
    }
    return 0
}

END {
    for (file in known) if (!state[file]) visit(file, file)
    for (from in nodes)
        if (reach(from, from)) {
            for (to in nodes)
                if ((from, to) in folder_edge) where = folder_edge[from, to]
            print where ": circle of folders through " from
        }
}
