# SPDX-License-Identifier: BSD-2-Clause
#
# scanf.awk - %s or %[ without a width, in any scanf. Reads a source without comments; looks at
# each call alone, to its closing parenthesis, over as many lines as it takes.

function feed(text,    i, c) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (quoted && c == "\\") { call = call c substr(text, ++i, 1); continue }
        if (c == "\"") quoted = !quoted
        call = call c
        if (!quoted && c == "(") depth++
        if (!quoted && c == ")" && --depth == 0) {
            if (call ~ /%[hlLjzt]*[s\[]/)
                printf "%s:%d: scanf with %%s or %%[ that has no width\n", file, begin
            begin = 0
            look(substr(text, i + 1))
            return
        }
    }
}

function look(text) {
    if (!match(text, /scanf[ \t]*\(/)) return
    begin = NR
    call = ""
    depth = 0
    quoted = 0
    feed(substr(text, RSTART))
}

begin { feed($0); next }
{ look($0) }
