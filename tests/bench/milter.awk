# SPDX-License-Identifier: BSD-2-Clause
# Reads the lines of "milter": VARIANT SECONDS P50 P99 MAX FAILED TICKS KIB, a round after the other.
# Prints medians with their lowest and highest, and ratios within the rounds.
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
function spread(key, n, form,    m) {
    m = median(key, n)
    return sprintf(form " (" form "-" form ")", m, s[1], s[n])
}
function take(what, v) { val[$1 " " what, n[$1]] = v }
{
    if (!($1 in n)) order[++kinds] = $1
    n[$1]++
    rate[$1, n[$1]] = messages / $2
    take("rate", messages / $2)
    take("p50", $3); take("p99", $4); take("max", $5)
    take("cpu", $7 / hz * 1e6 / messages)
    take("anon", $8 / 1024)
    failed[$1] += $6
    all += $6
}
function ratio(a, b, name,    i) {
    for (i = 1; i <= n[a]; i++) val["r " name, i] = rate[a, i] / rate[b, i]
    printf "ratio %s=%.2f (%.2f-%.2f)\n", name, median("r " name, n[a]), s[1], s[n[a]]
}
END {
    printf "%-18s %-18s %-20s %-22s %-22s %-20s %s\n", "milter", "messages/s", "p50 ms", "p99 ms",
        "CPU us/message", "anonymous MiB", "failed"
    for (k = 1; k <= kinds; k++) {
        v = order[k]
        printf "%-18s %-18s %-20s %-22s %-22s %-20s %d\n", v, spread(v " rate", n[v], "%.0f"),
            spread(v " p50", n[v], "%.2f"), spread(v " p99", n[v], "%.2f"),
            v == "none" ? "-" : spread(v " cpu", n[v], "%.0f"),
            v == "none" ? "-" : spread(v " anon", n[v], "%.1f"), failed[v]
    }
    for (k = 2; k <= kinds; k++) ratio(order[k], "none", order[k] "/none")
    for (i = 1; i <= n["danemilter"]; i++) val["line", i] = rate["danemilter", i] / rate["minimal", i]
    printf "ratio danemilter/minimal-null=%.2f\n", median("line", n["danemilter"])
    printf "  of single rounds: %.2f-%.2f\n", s[1], s[n["danemilter"]]
    exit all > 0
}
