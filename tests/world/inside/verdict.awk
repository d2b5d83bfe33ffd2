# SPDX-License-Identifier: BSD-2-Clause
# What became of each mail, from the sending Postfix's log. One line a mail with -v each=1, then
#   messages=N sent=S deferred=D bounced=B verified=V trusted=T untrusted=U anonymous=A plain=P pending=Q
# deferred: mails put off at least once, whatever came of them later. verified ... plain: how the
# line was protected at the last try. pending: no try has ended yet.
#
# The TLS line names no queue id: it is of the same process as the delivery that follows it.

function process(line) {
    sub(/\]: .*/, "", line)
    sub(/.*\[/, "", line)
    return line
}

/\/smtp\[[0-9]+\]: (Verified|Trusted|Untrusted|Anonymous) TLS connection established/ {
    match($0, /(Verified|Trusted|Untrusted|Anonymous) TLS/)
    tls[process($0)] = tolower(substr($0, RSTART, RLENGTH - 4))
    next
}

/\/cleanup\[[0-9]+\]: [0-9A-Za-z]+: message-id=/ {
    id = $0
    sub(/^.*\]: /, "", id)
    sub(/:.*/, "", id)
    if (!(id in seen)) {
        seen[id] = ++messages
        order[messages] = id
    }
    next
}

/ status=(sent|deferred|bounced|expired) / {
    id = $0
    sub(/^[^]]*\]: /, "", id)
    sub(/:.*/, "", id)
    if (!(id in seen))
        next # accepted before the mark
    pid = process($0)
    match($0, / status=[a-z]+/)
    status[id] = substr($0, RSTART + 8, RLENGTH - 8)
    if (status[id] == "deferred" && !put_off[id]++)
        deferred++
    how[id] = (pid in tls) ? tls[pid] : "plain"
    why[id] = substr($0, RSTART + RLENGTH + 1)
    delete tls[pid]
}

END {
    for (i = 1; i <= messages; i++) {
        id = order[i]
        if (!(id in status)) {
            pending++
            continue
        }
        n[how[id]]++
        s[status[id]]++
        if (each)
            printf "%s %s %s deferred=%d %s\n", id, status[id], how[id], put_off[id], why[id]
    }
    printf "messages=%d sent=%d deferred=%d bounced=%d ", messages, s["sent"], deferred, \
        s["bounced"] + s["expired"]
    printf "verified=%d trusted=%d untrusted=%d anonymous=%d plain=%d pending=%d\n", n["verified"], \
        n["trusted"], n["untrusted"], n["anonymous"], n["plain"], pending
}
