/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

static char *part(CURLU *handle, CURLUPart what)
{
    char *text = NULL;
    return curl_url_get(handle, what, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

/* False: no host, or one that is too long. */
static bool take(CURLU *handle, struct url *out)
{
    char *scheme = part(handle, CURLUPART_SCHEME);
    char *host = part(handle, CURLUPART_HOST);
    char *port = part(handle, CURLUPART_PORT);
    char *user = part(handle, CURLUPART_USER);
    char *password = part(handle, CURLUPART_PASSWORD);
    bool fits = scheme != NULL && host != NULL && host[0] != '\0' &&
                text_format(out->host, sizeof out->host, "%s", host);
    if (fits) {
        out->https = strcmp(scheme, "https") == 0;
        out->http = strcmp(scheme, "http") == 0;
        out->secret = user != NULL || password != NULL;
        fits = text_format(out->where, sizeof out->where, "%s://%s%s%s", scheme, host,
                           port != NULL ? ":" : "", port != NULL ? port : "");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    curl_free(password);
    return fits;
}

enum outcome url_split(const char *text, struct url *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    CURLU *handle = curl_url();
    if (handle == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    bool good = curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                take(handle, out);
    curl_url_cleanup(handle);
    if (!good)
        return err_set(err, OUT_REFUSED, "\"%.200s\" is not a URL such as https://host/path", text);
    return OUT_OK;
}

static bool near4(uint32_t ip)
{
    return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 20 == (172u << 4 | 1) ||
           ip >> 16 == (192u << 8 | 168) || ip >> 16 == (169u << 8 | 254) ||
           ip >> 8 == (192u << 16 | 2) || ip >> 8 == (198u << 16 | 51u << 8 | 100) ||
           ip >> 8 == (203u << 16 | 113);
}

static bool near6(const uint8_t ip[16])
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t documentation[4] = {0x20, 0x01, 0x0d, 0xb8};
    return memcmp(ip, loopback, sizeof loopback) == 0 ||
           memcmp(ip, documentation, sizeof documentation) == 0 || (ip[0] & 0xfe) == 0xfc ||
           (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
}

bool url_is_near(const struct url *url)
{
    char host[URL_HOST_MAX];
    struct in_addr ip4;
    struct in6_addr ip6;
    size_t len = strlen(url->host);
    if (strcmp(url->host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, url->host, &ip4) == 1)
        return near4(ntohl(ip4.s_addr));
    if (len < 2 || url->host[0] != '[' || url->host[len - 1] != ']')
        return false;
    if (!text_format(host, sizeof host, "%.*s", (int)(len - 2), url->host + 1))
        return false;
    return inet_pton(AF_INET6, host, &ip6) == 1 && near6(ip6.s6_addr);
}
