/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/altname.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/ossl.h"
#include "ports.h"

#define ALTNAME_CN_MAX 64 /* ub-common-name, RFC 5280 appendix A.1 */
#define ALTNAME_DNS_MAX 253

/* May this octet stand at name[i], `label` octets into its label? */
static bool altname_octet(const char *name, size_t len, size_t i, size_t label)
{
    unsigned char c = (unsigned char)name[i];
    bool last = i + 1 == len || name[i + 1] == '.';
    if (c == '.')
        return label > 0 && i + 1 < len;
    if (c == '*')
        return i == 0 && len > 2 && name[1] == '.';
    if (c == '-')
        return label > 0 && !last;
    return c <= 0x7f && isalnum(c);
}

/* A host name in lower case without its final dot; "*." may lead. */
static enum outcome altname_host(const char *name, char out[PORT_NAME_MAX], struct err *err)
{
    size_t len = strnlen(name, PORT_NAME_MAX);
    size_t label = 0;
    if (len > 0 && len < PORT_NAME_MAX && name[len - 1] == '.')
        len--;
    if (len == 0 || len > ALTNAME_DNS_MAX)
        return err_set(err, OUT_REFUSED, "a name of %zu octets: a certificate takes 1 to %d", len,
                       ALTNAME_DNS_MAX);
    for (size_t i = 0; i < len; i++) {
        bool good = altname_octet(name, len, i, label);
        label = name[i] == '.' ? 0 : label + 1;
        if (!good || label > 63)
            return err_set(err, OUT_REFUSED, "\"%.*s\" is not a host name", (int)len, name);
        out[i] = (char)tolower((unsigned char)name[i]);
    }
    out[len] = '\0';
    return OUT_OK;
}

static bool altname_add(GENERAL_NAMES *sans, const char *name)
{
    GENERAL_NAME *san = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (san == NULL || text == NULL || ASN1_STRING_set(text, name, -1) != 1) {
        ASN1_IA5STRING_free(text);
        GENERAL_NAME_free(san);
        return false;
    }
    GENERAL_NAME_set0_value(san, GEN_DNS, text);
    if (sk_GENERAL_NAME_push(sans, san) == 0) {
        GENERAL_NAME_free(san);
        return false;
    }
    return true;
}

static bool altname_common(X509_NAME *subject, const char *name)
{
    unsigned char cn[PORT_NAME_MAX];
    memcpy(cn, name, sizeof cn);
    return strlen(name) > ALTNAME_CN_MAX ||
           X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, cn, -1, -1, 0) == 1;
}

enum outcome altname_make(const char *const *names, size_t n, X509_NAME **subject,
                          GENERAL_NAMES **sans, struct err *err)
{
    enum outcome res = OUT_OK;
    char name[PORT_NAME_MAX] = "";
    *sans = GENERAL_NAMES_new();
    *subject = X509_NAME_new();
    bool good = *sans != NULL && *subject != NULL;
    for (size_t i = 0; good && res == OUT_OK && i < n; i++) {
        res = altname_host(names[i], name, err);
        if (res == OUT_OK)
            good = altname_add(*sans, name) && (i > 0 || altname_common(*subject, name));
    }
    if (!good)
        res = ossl_err(err, OUT_BROKEN, "cannot put the names into a certificate");
    if (res == OUT_OK)
        return OUT_OK;
    X509_NAME_free(*subject);
    GENERAL_NAMES_free(*sans);
    *subject = NULL;
    *sans = NULL;
    return res;
}
