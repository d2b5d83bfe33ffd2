# SPDX-License-Identifier: BSD-2-Clause
#
# strip.awk - a C source without its comments, line for line. With -v strings=0 the contents of
# string and character literals go too (the quotes stay). Other awk programs of the checks get
# their input from here, so none of them has to know what a comment is.

BEGIN { in_comment = 0 }

{
    out = ""
    n = length($0)
    quote = ""
    for (i = 1; i <= n; i++) {
        c = substr($0, i, 1)
        two = substr($0, i, 2)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; i++ }
            continue
        }
        if (quote != "") {
            if (c == "\\") { if (strings) out = out two; i++; continue }
            if (c == quote) { quote = ""; out = out c; continue }
            if (strings) out = out c
            continue
        }
        if (two == "/*") { in_comment = 1; i++; out = out " "; continue }
        if (two == "//") break
        if (c == "\"" || c == "'") quote = c
        out = out c
    }
    print out
}
