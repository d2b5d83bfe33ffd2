/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/verdict.h"

#include <ldns/ldns.h>

#include "dns/wire.h"

static enum outcome tsig_error(const struct verdict_context *context,
                               const struct tsigmsg_check *check, struct err *err)
{
    const struct tsigkey *key = context->key;
    switch (check->error) {
    case 16:
        return err_set(err, OUT_REFUSED,
                       "%s says BADSIG: the secret of the TSIG key \"%s\" (%s) is not the one the "
                       "server has: copy the key from there again",
                       context->server, key->name, key->origin);
    case 17:
        return err_set(err, OUT_REFUSED,
                       "%s says BADKEY: it has no TSIG key \"%s\" with algorithm %s (%s): correct "
                       "the name, or add the key there",
                       context->server, key->name, key->algorithm, key->origin);
    case 18:
        return err_set(err, OUT_REFUSED,
                       "%s says BADTIME: its clock is %lld s %s ours, and TSIG allows %d s: set "
                       "the clock that is wrong",
                       context->server, (long long)(check->skew < 0 ? -check->skew : check->skew),
                       check->skew < 0 ? "behind" : "ahead of", TSIGMSG_FUDGE);
    case 22:
        return err_set(err, OUT_REFUSED,
                       "%s says BADTRUNC: it wants longer TSIG signatures than %s gives",
                       context->server, key->algorithm);
    default:
        return err_set(err, OUT_REFUSED, "%s says TSIG error %d to the key \"%s\" (%s)",
                       context->server, check->error, key->name, key->origin);
    }
}

/* No signature: a no may be true, a yes is not believed. */
static enum outcome unsigned_reply(const struct verdict_context *context, int rcode,
                                   struct err *err)
{
    const struct tsigkey *key = context->key;
    switch (rcode) {
    case LDNS_RCODE_REFUSED:
    case LDNS_RCODE_NOTAUTH:
        return err_set(err, OUT_REFUSED,
                       "%s says %s, unsigned: it does not know the TSIG key \"%s\" (%s), has "
                       "another secret for it, or does not allow it here (PowerDNS answers so to "
                       "each of these: see TSIG-ALLOW-DNSUPDATE, and compare the secrets)",
                       context->server, wire_rcode_name(rcode), key->name, key->origin);
    case LDNS_RCODE_SERVFAIL:
        return err_set(err, OUT_RETRY, "%s says SERVFAIL: see its log", context->server);
    case LDNS_RCODE_NOTIMPL:
    case LDNS_RCODE_FORMERR:
        return err_set(err, OUT_REFUSED,
                       "%s says %s: it does not understand %s with TSIG: is it the primary, and "
                       "a server that takes them?",
                       context->server, wire_rcode_name(rcode),
                       context->update ? "updates (RFC 2136)" : "questions");
    default:
        return err_set(err, OUT_RETRY,
                       "%s answers %s without a signature of the TSIG key \"%s\": not believed",
                       context->server, wire_rcode_name(rcode), key->name);
    }
}

static enum outcome refused(const struct verdict_context *context, struct err *err)
{
    const char *key = context->key->name;
    if (!context->update)
        return err_set(err, OUT_REFUSED, "%s says REFUSED: the TSIG key \"%s\" may not ask for %s",
                       context->server, key, context->owner);
    return err_set(err, OUT_REFUSED,
                   "%s says REFUSED: the TSIG key \"%s\" may not change %s records at %s (BIND: "
                   "update-policy { grant %s name %s %s; }; PowerDNS: the metadata "
                   "TSIG-ALLOW-DNSUPDATE of the zone)",
                   context->server, key, context->type, context->owner, key, context->owner,
                   context->type);
}

static enum outcome signed_update(const struct verdict_context *context, int rcode, struct err *err)
{
    switch (rcode) {
    case LDNS_RCODE_NOERROR:
        return OUT_OK;
    case LDNS_RCODE_NXDOMAIN:
    case LDNS_RCODE_YXDOMAIN:
    case LDNS_RCODE_YXRRSET:
    case LDNS_RCODE_NXRRSET:
        return err_set(err, OUT_NOT_YET,
                       "%s: somebody changed the %s records at %s meanwhile (%s): nothing was "
                       "done, they are to be read again",
                       context->server, context->type, context->owner, wire_rcode_name(rcode));
    case LDNS_RCODE_NOTZONE:
        return err_set(err, OUT_REFUSED,
                       "%s says NOTZONE: %s is not in the zone %s: correct the zone in the "
                       "configuration",
                       context->server, context->owner, context->zone);
    default:
        return OUT_BROKEN;
    }
}

static enum outcome signed_reply(const struct verdict_context *context, int rcode, struct err *err)
{
    if (context->update) {
        enum outcome out = signed_update(context, rcode, err);
        if (out != OUT_BROKEN)
            return out;
    } else if (rcode == LDNS_RCODE_NOERROR || rcode == LDNS_RCODE_NXDOMAIN) {
        return OUT_OK;
    }
    switch (rcode) {
    case LDNS_RCODE_REFUSED:
        return refused(context, err);
    case LDNS_RCODE_NOTAUTH:
        return err_set(err, OUT_REFUSED,
                       "%s says NOTAUTH: it is not the primary of %s: name the server where "
                       "changes are made",
                       context->server, context->zone[0] != '\0' ? context->zone : context->owner);
    case LDNS_RCODE_NOTIMPL:
    case LDNS_RCODE_FORMERR:
        return err_set(err, OUT_REFUSED, "%s says %s: it does not take %s (RFC 2136)",
                       context->server, wire_rcode_name(rcode),
                       context->update ? "updates of this zone" : "such questions");
    default:
        return err_set(err, OUT_RETRY, "%s says %s (%d): see its log", context->server,
                       wire_rcode_name(rcode), rcode);
    }
}

enum outcome verdict_of(const struct verdict_context *context, int rcode,
                        const struct tsigmsg_check *check, struct err *err)
{
    switch (check->state) {
    case TSIGMSG_GOOD:
        return signed_reply(context, rcode, err);
    case TSIGMSG_ABSENT:
        return unsigned_reply(context, rcode, err);
    case TSIGMSG_ERROR:
        return tsig_error(context, check, err);
    case TSIGMSG_STALE:
        return err_set(err, OUT_REFUSED,
                       "%s signed its answer %lld s away from our time, and TSIG allows %d s: set "
                       "the clock that is wrong",
                       context->server, (long long)check->skew, TSIGMSG_FUDGE);
    case TSIGMSG_FORGED:
        break;
    }
    return err_set(err, OUT_RETRY,
                   "%s: the signature of its answer does not fit the TSIG key \"%s\" (%s): not "
                   "believed",
                   context->server, context->key->name, context->key->origin);
}
