/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl_provider.h"

#include "base/text.h"

#include <string.h>

enum outcome danectl_provider_open(const struct conf *conf, const struct conf_dns *dns,
                                   struct danectl_provider *out, struct err *err)
{
    char ip[TEXT_IP_MAX];
    const bool update = dns->provider == CONF_RFC2136;
    struct provider_settings settings = {.zone = dns->apex, .tsig_origin = conf->path};
    memset(out, 0, sizeof *out);
    if (update) {
        text_ip(dns->server.ip, ip);
        settings.server = ip;
        settings.port = dns->server.port;
        settings.tsig_name = dns->tsig.name;
        settings.tsig_algorithm = dns->tsig.algorithm;
        settings.tsig_secret = dns->tsig.secret;
    } else {
        settings.url = dns->url;
        settings.api_key = dns->api_key;
        settings.server_id = dns->server_id;
        settings.ca_file = dns->ca_file;
    }
    out->provider = provider_find(update ? "rfc2136" : "powerdns");
    if (out->provider == NULL)
        return err_set(err, OUT_REFUSED, "its provider is not built into this danectl");
    return out->provider->open(&settings, &out->self, err);
}

void danectl_provider_close(struct danectl_provider *provider)
{
    if (provider->provider != NULL && provider->self != NULL)
        provider->provider->close(&provider->self);
}
