/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/b64url.h"

#include <string.h>

static const char b64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool b64url_encode(const uint8_t *bytes, size_t n, char *out, size_t size)
{
    size_t at = 0;
    if (size > 0)
        out[0] = '\0';
    if (n > SIZE_MAX / 2 || size < B64URL_SIZE(n))
        return false;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t word = (uint32_t)bytes[i] << 16;
        if (left > 1)
            word |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            word |= bytes[i + 2];
        for (size_t k = 0; k < (left > 2 ? 4 : left + 1); k++)
            out[at++] = b64url_digits[word >> (18 - 6 * k) & 63];
    }
    out[at] = '\0';
    return true;
}

static bool b64url_value(char c, uint32_t *value)
{
    const char *found = c != '\0' ? strchr(b64url_digits, c) : NULL;
    if (found == NULL)
        return false;
    *value = (uint32_t)(found - b64url_digits);
    return true;
}

bool b64url_decode(const char *text, uint8_t *out, size_t size, size_t *n)
{
    uint32_t word = 0;
    unsigned bits = 0;
    *n = 0;
    for (; *text != '\0'; text++) {
        uint32_t value = 0;
        if (!b64url_value(*text, &value))
            return false;
        word = (word << 6 | value) & 0xffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (*n == size)
            return false;
        out[(*n)++] = (uint8_t)(word >> bits & 0xff);
    }
    /* One digit more than whole octets, or bits that mean nothing. */
    return bits < 6 && (word & ((1u << bits) - 1)) == 0;
}

bool b64url_alphabet(const char *text)
{
    return text[0] != '\0' && strspn(text, b64url_digits) == strlen(text);
}
