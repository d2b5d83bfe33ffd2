# SPDX-License-Identifier: BSD-2-Clause
# Reads the lines of "inside", prints the tables: medians, lowest and highest, and how many times
# ours they are.
function sorted(key, n,    i, j, v) {
    for (i = 1; i <= n; i++) {
        v = val[key, i]
        for (j = i - 1; j >= 1 && s[j] > v; j--) s[j + 1] = s[j]
        s[j + 1] = v
    }
}
function median(key, n) {
    sorted(key, n)
    return n % 2 ? s[(n + 1) / 2] : (s[n / 2] + s[n / 2 + 1]) / 2
}
function spread(key, n, form) {
    sorted(key, n)
    return sprintf(form "-" form, s[1], s[n])
}
function add(tool, what, v) { val[tool " " what, good[tool]] = v }
{
    tool = $1
    runs[tool]++
    if ($2 != 0) next
    good[tool]++
    add(tool, "wall", $3)
    add(tool, "cpu", $4 + $5)
    add(tool, "mem", $6 / 1024)
    add(tool, "conns", $7)
}
function times(a, b) { return b > 0 ? sprintf("x%.1f", a / b) : "-" }
function row(tool, text, base,    n, w, c, m, k) {
    n = good[tool]
    if (!n) {
        printf "%-34s %d of %d\n", text, 0, runs[tool]
        return
    }
    w = median(tool " wall", n); c = median(tool " cpu", n)
    m = median(tool " mem", n); k = median(tool " conns", n)
    if (tool == base) { bw = w; bc = c; bm = m; bk = k }
    printf "%-34s %5.2f %-11s %6s %5.2f %-10s %6s %6.1f %6s %4d %6s  %d of %d\n", text,
        w, spread(tool " wall", n, "%.2f"), times(w, bw), c, spread(tool " cpu", n, "%.2f"), times(c, bc),
        m, times(m, bm), k, times(k, bk), n, runs[tool]
}
function head(text) {
    printf "\n%s\n%-34s %5s %-11s %6s %5s %-10s %6s %6s %6s %4s %6s  %s\n", text, "",
        "wall", "low-high", "", "CPU", "low-high", "", "MiB", "", "conn", "", "issued"
}
END {
    print "One certificate, one name, P-256, dns-01, an account that exists; pebble without its random"
    print "sleeps, BIND and a Knot secondary. Medians; wall and CPU (user + system, with hooks) in"
    print "seconds, MiB: the largest process, conn: TCP connections at the CA, xN: N times danemilter's."
    head("Told when every address of every name server shows the record (hooks ask them by dig)")
    row("ours", "danemilter", "ours")
    row("uacme", "uacme, hook waits", "ours")
    row("certbot", "certbot --manual, hook waits", "ours")
    row("lego", "lego as it comes (own check)", "ours")
    row("lego-hook", "lego --dns.disable-cp, hook waits", "ours")
    head("Told at once, without looking at DNS (fails when the CA asks a server that is behind)")
    row("ours-nowait", "danemilter, not looking", "ours-nowait")
    row("uacme-nowait", "uacme", "ours-nowait")
    row("certbot-nowait", "certbot --manual", "ours-nowait")
    row("lego-nowait", "lego --dns.disable-cp", "ours-nowait")
    print "\nA client whose first look at the challenge comes before the CA has judged it sleeps, and wall"
    print "shows it: lego 5 s, certbot about 1 s, uacme 1 s, danemilter 50 ms and then a little longer each"
    print "time (Retry-After, when a CA says it, is heeded). lego's own check also waits a polling interval"
    print "first (2 s; 0 here where a hook waits or nobody does)."
}
