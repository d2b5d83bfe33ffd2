/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_dns_packet - packets from strangers, as far as they are looked at without signatures
 *
 * A libFuzzer target, not part of make check. From the top of the tree:
 *
 *   clang -g -O1 -std=c11 -D_POSIX_C_SOURCE=200809L -fsanitize=fuzzer,address,undefined \
 *       -I BUILD -I . -I rollover tests/fuzz/fuzz_dns_packet.c rollover/dns/[a-z]*.c \
 *       rollover/net/{http,http_header,url}.c rollover/base/[a-z]*.c \
 *       -lldns -lunbound -lcurl -ljansson -o /tmp/fuzz && /tmp/fuzz -max_total_time=300
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/answer.h"
#include "dns/delegation.h"
#include "dns/tsigmsg.h"
#include "dns/txt.h"
#include "dns/wire.h"

#define OWNER "a."

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct port_answer out;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return;
    if (size > 0)
        memcpy(copy, data, size);
    struct exchange_ask ask = {.state = EXCHANGE_ANSWER, .reply = copy, .reply_len = size};
    /* Not SECURE: the verdict of libunbound is not what is tried here. */
    const struct rrtype *const types[] = {&rrtype_tlsa, &rrtype_txt};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct rdataset records = {0};
        const struct answer_context context = {.owner = OWNER,
                                               .zone = ".",
                                               .type = types[i],
                                               .unsigned_ok = true,
                                               .state = PORT_ZONE_INSECURE,
                                               .zone_why = "x",
                                               .judge_ms = 10};
        memset(&out, 0, sizeof out);
        (void)answer_judge(&context, &ask, &out, &records, &err);
        for (size_t j = 0; j < records.n; j++)
            (void)txt_is(records.recs[j].data, records.recs[j].len, "value");
        if (types[i] == &rrtype_tlsa)
            (void)answer_tlsa(&records, &out, &err);
        free(out.rrset);
        rdataset_clear(&records);
    }
    free(copy);
}

static void walk(ldns_pkt *pkt, const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct tsigmsg_check check;
    char name[] = "a.";
    char algorithm[] = "hmac-sha256.";
    char secret[] = "bXkgc2VjcmV0IGtleSBkYXRh";
    char origin[] = "fuzz";
    const struct tsigkey key = {name, algorithm, secret, origin};
    struct delegation *del = calloc(1, sizeof *del);
    struct port_tlsa *rec = malloc(sizeof *rec);
    const ldns_rr_list *answer = ldns_pkt_answer(pkt);
    if (del != NULL && rec != NULL) {
        memcpy(del->zone, OWNER, sizeof OWNER);
        (void)delegation_add_ns(del, answer, &err);
        (void)wire_max_ttl(answer, OWNER, LDNS_RR_TYPE_TLSA);
        (void)wire_sig_until(answer, 0, time(NULL));
        for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++)
            (void)wire_tlsa_get(ldns_rr_list_rr(answer, i), rec);
    }
    tsigmsg_verify(pkt, data, size, &key, NULL, time(NULL), &check);
    free(rec);
    free(del);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    judge(data, size);
    ldns_pkt *pkt = wire_parse(data, size, &why);
    if (pkt != NULL)
        walk(pkt, data, size);
    ldns_pkt_free(pkt);
    return 0;
}
