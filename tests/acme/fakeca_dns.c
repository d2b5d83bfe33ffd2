/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks a DNS server for the TXT records of a challenge, as a CA does: it follows CNAMEs because
 * the server is a resolver. */
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "fakeca_int.h"

static ldns_resolver *resolver_for(const char *server)
{
    char address[64];
    const char *hash = strchr(server, '#');
    size_t len = hash == NULL ? strlen(server) : (size_t)(hash - server);
    fakeca_need(len < sizeof address, "the address of a DNS server");
    memcpy(address, server, len);
    address[len] = '\0';
    ldns_rdf *ip = ldns_rdf_new_frm_str(LDNS_RDF_TYPE_A, address);
    ldns_resolver *resolver = ldns_resolver_new();
    fakeca_need(ip != NULL && resolver != NULL &&
                    ldns_resolver_push_nameserver(resolver, ip) == LDNS_STATUS_OK,
                "a DNS server");
    ldns_rdf_deep_free(ip);
    if (hash != NULL)
        ldns_resolver_set_port(resolver, (uint16_t)strtoul(hash + 1, NULL, 10));
    struct timeval timeout = {3, 0};
    ldns_resolver_set_timeout(resolver, timeout);
    ldns_resolver_set_retry(resolver, 1);
    return resolver;
}

static bool has_value(const ldns_rr_list *list, const char *value)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_TXT || ldns_rr_rd_count(rr) != 1)
            continue;
        const ldns_rdf *rdf = ldns_rr_rdf(rr, 0); /* a length octet, then the text */
        size_t len = ldns_rdf_size(rdf);
        if (len == strlen(value) + 1 && memcmp(ldns_rdf_data(rdf) + 1, value, len - 1) == 0)
            return true;
    }
    return false;
}

bool fakeca_dns_check(const char *server, const char *name, const char *value)
{
    char owner[300];
    ldns_pkt *packet = NULL;
    bool found = false;
    (void)snprintf(owner, sizeof owner, "_acme-challenge.%s.", name);
    ldns_resolver *resolver = resolver_for(server);
    ldns_rdf *dname = ldns_dname_new_frm_str(owner);
    fakeca_need(dname != NULL, "the owner of a challenge");
    if (ldns_resolver_query_status(&packet, resolver, dname, LDNS_RR_TYPE_TXT, LDNS_RR_CLASS_IN,
                                   LDNS_RD) == LDNS_STATUS_OK &&
        packet != NULL)
        found = has_value(ldns_pkt_answer(packet), value);
    ldns_pkt_free(packet);
    ldns_rdf_deep_free(dname);
    ldns_resolver_deep_free(resolver);
    return found;
}
