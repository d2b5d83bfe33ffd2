/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/leaf.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/chain.h"

/* Letters, digits, "-", "_", "." and a "*" at the beginning: what may go into our own files. */
static bool leaf_name(const ASN1_IA5STRING *dns, char out[PORT_NAME_MAX])
{
    size_t len = (size_t)ASN1_STRING_length(dns);
    const unsigned char *from = ASN1_STRING_get0_data(dns);
    if (len == 0 || len >= PORT_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = from[i];
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.' || (c == '*' && i == 0)))
            return false;
        out[i] = (char)c;
    }
    out[len] = '\0';
    return true;
}

static enum outcome leaf_names(const GENERAL_NAMES *list, struct leaf *out, struct err *err)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(list, i);
        if (name->type != GEN_DNS)
            continue;
        if (out->n == PORT_NAMES_MAX)
            return err_set(err, OUT_REFUSED, "the certificate has more than %d names",
                           PORT_NAMES_MAX);
        if (leaf_name(name->d.dNSName, out->names[out->n]))
            out->n++;
    }
    return OUT_OK;
}

enum outcome leaf_read(const char *chain_pem, struct leaf *out, struct err *err)
{
    struct chain *chain = NULL;
    memset(out, 0, sizeof *out);
    enum outcome res = chain_parse(chain_pem, &chain, err);
    if (res != OUT_OK)
        return res;
    X509 *cert = chain_cert(chain, 0);
    GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    if (list != NULL)
        res = leaf_names(list, out, err);
    GENERAL_NAMES_free(list);
    out->self_signed =
        X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0 &&
        X509_verify(cert, X509_get0_pubkey(cert)) == 1;
    ERR_clear_error();
    chain_free(&chain);
    return res;
}
