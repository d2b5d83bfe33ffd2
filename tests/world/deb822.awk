# SPDX-License-Identifier: BSD-2-Clause
# Prints "URI SUITE COMPONENTS..." for each binary entry of a deb822 sources file whose suite is
# that of -v s=SUITE, or its -updates or -security. Disabled stanzas are left out.

function flush_stanza(    i, j, u, t, nu, nt) {
    if (field["types"] ~ /(^| )deb( |$)/ && tolower(field["enabled"]) !~ /^ *(no|false|0|off) *$/) {
        nu = split(field["uris"], u, " ")
        nt = split(field["suites"], t, " ")
        for (i = 1; i <= nu; i++)
            for (j = 1; j <= nt; j++)
                if (t[j] == s || t[j] == s "-updates" || t[j] == s "-security")
                    print u[i], t[j], field["components"]
    }
    split("", field)
    name = ""
}

/^#/ { next }
/^[ \t]*$/ { flush_stanza(); next }
/^[ \t]/ { if (name != "") field[name] = field[name] " " $0; next }
{
    name = tolower($0)
    sub(/:.*/, "", name)
    value = $0
    sub(/^[^:]*:[ \t]*/, "", value)
    field[name] = value
}
END { flush_stanza() }
