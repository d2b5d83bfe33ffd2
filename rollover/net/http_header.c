/* SPDX-License-Identifier: BSD-2-Clause */
#include <curl/curl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"
#include "net/http.h"

#define DAY_MS (24 * 3600 * 1000LL)

const char *http_header_next(const struct http_response *response, const char *name, size_t *at)
{
    while (*at < response->n_headers) {
        size_t i = (*at)++;
        if (strcasecmp(response->names[i], name) == 0)
            return response->values[i];
    }
    return NULL;
}

const char *http_header(const struct http_response *response, const char *name)
{
    size_t at = 0;
    return http_header_next(response, name, &at);
}

long long http_retry_after(const struct http_response *response, long long wall)
{
    const char *value = http_header(response, "Retry-After");
    int64_t seconds = 0;
    if (value == NULL || value[0] == '\0')
        return 0;
    if (value[strspn(value, "0123456789")] == '\0') {
        /* A number too large to be read is a long time all the same. */
        if (text_number(value, 0, DAY_MS / 1000, &seconds, NULL) != OUT_OK)
            return DAY_MS;
        return seconds * 1000;
    }
    time_t date = curl_getdate(value, NULL);
    if (date < 0)
        return 0;
    long long wait = (long long)date * 1000 - wall;
    if (wait < 0)
        return 0;
    return wait < DAY_MS ? wait : DAY_MS;
}
