/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_powerdns - zones in JSON as a stranger behind the API's address might send them
 *
 * A libFuzzer target, not part of make check. From the top of the tree:
 *
 *   clang -g -O1 -std=c11 -D_POSIX_C_SOURCE=200809L -fsanitize=fuzzer,address,undefined \
 *       -I BUILD -I . -I rollover tests/fuzz/fuzz_powerdns.c rollover/dns/powerdns_rrset.c \
 *       rollover/dns/change.c rollover/dns/txt.c rollover/dns/wire.c rollover/base/[a-z]*.c \
 *       -lldns -ljansson -o /tmp/fuzz && /tmp/fuzz -max_total_time=300
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/powerdns_rrset.h"

#define OWNER "a."

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void change_all(struct powerdns_rrset *rrset, const struct port_rrset *seen)
{
    static const struct port_tlsa ours = {.combo = {3, 1, 1}, .len = 1};
    const struct port_tlsa *add[1] = {&ours};
    const struct port_tlsa *del[PORT_RRSET_MAX];
    struct port_change change = {.owner = OWNER, .seen = seen, .add = add, .n_add = 1, .del = del};
    bool changed = false;
    for (size_t i = 0; i < seen->n; i++)
        del[change.n_del++] = &seen->recs[i];
    (void)powerdns_rrset_change(rrset, &change);
    (void)powerdns_rrset_txt(rrset, "value", true, &changed);
    (void)powerdns_rrset_txt(rrset, "value", false, &changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct powerdns_rrset rrset = {0};
    struct port_rrset *seen = calloc(1, sizeof *seen);
    char *body = malloc(size + 1);
    if (seen != NULL && body != NULL) {
        if (size > 0)
            memcpy(body, data, size);
        body[size] = '\0';
        if (powerdns_rrset_parse(body, size, OWNER, "TLSA", &rrset, &err) == OUT_OK &&
            powerdns_rrset_tlsa(&rrset, OWNER, seen, &err) == OUT_OK) {
            change_all(&rrset, seen);
            free(powerdns_rrset_patch(&rrset, OWNER, "TLSA", 60));
        }
        powerdns_rrset_clear(&rrset);
    }
    free(body);
    free(seen);
    return 0;
}
