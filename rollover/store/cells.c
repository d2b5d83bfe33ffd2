/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/cells.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CELLS_RDATA_HEAD 3
#define CELLS_TEXT_MAX 128 /* hexadecimal of 32 octets, addresses */

static int64_t cells_number(const struct column *c, const void *at)
{
    switch (c->kind) {
    case COLUMN_BOOL:
        return *(const bool *)at ? 1 : 0;
    case COLUMN_U8:
        return *(const uint8_t *)at;
    case COLUMN_I8:
        return *(const int8_t *)at;
    case COLUMN_U32:
        return *(const uint32_t *)at;
    case COLUMN_U64: {
        int64_t same;
        memcpy(&same, at, sizeof same);
        return same;
    }
    default:
        return *(const int64_t *)at;
    }
}

static bool cells_is_number(const struct column *c)
{
    return c->kind <= COLUMN_U64;
}

/* What the type can hold, and what the column may. */
static void cells_range(const struct column *c, int64_t *min, int64_t *max)
{
    static const int64_t least[] = {
        [COLUMN_BOOL] = 0, [COLUMN_U8] = 0,          [COLUMN_I8] = INT8_MIN,
        [COLUMN_U32] = 0,  [COLUMN_I64] = INT64_MIN, [COLUMN_U64] = INT64_MIN};
    static const int64_t largest[] = {
        [COLUMN_BOOL] = 1,         [COLUMN_U8] = UINT8_MAX,  [COLUMN_I8] = INT8_MAX,
        [COLUMN_U32] = UINT32_MAX, [COLUMN_I64] = INT64_MAX, [COLUMN_U64] = INT64_MAX};
    *min = c->min > least[c->kind] ? c->min : least[c->kind];
    *max = c->max < largest[c->kind] ? c->max : largest[c->kind];
}

bool cells_fits(const struct column *c, const void *at)
{
    int64_t min;
    int64_t max;
    if (!cells_is_number(c))
        return true;
    cells_range(c, &min, &max);
    return cells_number(c, at) >= min && cells_number(c, at) <= max;
}

bool cells_empty(const struct column *c, const void *at)
{
    static const uint8_t zeros[MODEL_ID_LEN];
    switch (c->kind) {
    case COLUMN_HEX:
    case COLUMN_IP:
        return memcmp(at, zeros, c->size) == 0;
    case COLUMN_TEXT:
        return *(const char *)at == '\0';
    case COLUMN_RDATA:
        return *(struct port_tlsa *const *)at == NULL;
    case COLUMN_PEM:
        return *(char *const *)at == NULL;
    default:
        return cells_number(c, at) == 0;
    }
}

static bool cells_bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
    return sqlite3_bind_text(stmt, index, text, -1, SQLITE_TRANSIENT) == SQLITE_OK;
}

static bool cells_bind_ip(sqlite3_stmt *stmt, int index, const void *at)
{
    char text[CELLS_TEXT_MAX];
    struct in6_addr ip;
    memcpy(&ip, at, sizeof ip);
    if (IN6_IS_ADDR_V4MAPPED(&ip))
        return inet_ntop(AF_INET, (const uint8_t *)at + 12, text, sizeof text) != NULL &&
               cells_bind_text(stmt, index, text);
    return inet_ntop(AF_INET6, at, text, sizeof text) != NULL && cells_bind_text(stmt, index, text);
}

static bool cells_bind_rdata(sqlite3_stmt *stmt, int index, const struct port_tlsa *rec)
{
    uint8_t wire[CELLS_RDATA_HEAD + PORT_TLSA_MAX];
    if (rec == NULL)
        return sqlite3_bind_null(stmt, index) == SQLITE_OK;
    if (rec->len > PORT_TLSA_MAX)
        return false;
    wire[0] = rec->combo.usage;
    wire[1] = rec->combo.selector;
    wire[2] = rec->combo.matching;
    memcpy(wire + CELLS_RDATA_HEAD, rec->data, rec->len);
    return sqlite3_bind_blob(stmt, index, wire, CELLS_RDATA_HEAD + rec->len, SQLITE_TRANSIENT) ==
           SQLITE_OK;
}

bool cells_bind(const struct column *c, const void *at, sqlite3_stmt *stmt, int index)
{
    char text[CELLS_TEXT_MAX];
    const char *pem = NULL;
    switch (c->kind) {
    case COLUMN_HEX:
        return text_hex(text, sizeof text, at, c->size) && cells_bind_text(stmt, index, text);
    case COLUMN_IP:
        return cells_bind_ip(stmt, index, at);
    case COLUMN_TEXT:
        return sqlite3_bind_text(stmt, index, at, (int)strnlen(at, c->size - 1), SQLITE_STATIC) ==
               SQLITE_OK;
    case COLUMN_RDATA:
        return cells_bind_rdata(stmt, index, *(struct port_tlsa *const *)at);
    case COLUMN_PEM:
        pem = *(char *const *)at;
        if (pem == NULL)
            return sqlite3_bind_null(stmt, index) == SQLITE_OK;
        return sqlite3_bind_text(stmt, index, pem, -1, SQLITE_STATIC) == SQLITE_OK;
    default:
        return sqlite3_bind_int64(stmt, index, cells_number(c, at)) == SQLITE_OK;
    }
}

static enum outcome cells_take_number(const struct column *c, void *at, sqlite3_stmt *stmt,
                                      int index, struct err *err)
{
    int64_t min;
    int64_t max;
    int64_t n = sqlite3_column_int64(stmt, index);
    cells_range(c, &min, &max);
    if (sqlite3_column_type(stmt, index) != SQLITE_INTEGER || n < min || n > max)
        return err_set(err, OUT_BROKEN,
                       "column %s holds %" PRId64 ", outside %" PRId64 " to %" PRId64, c->name, n,
                       min, max);
    switch (c->kind) {
    case COLUMN_BOOL:
        *(bool *)at = n != 0;
        break;
    case COLUMN_U8:
        *(uint8_t *)at = (uint8_t)n;
        break;
    case COLUMN_I8:
        *(int8_t *)at = (int8_t)n;
        break;
    case COLUMN_U32:
        *(uint32_t *)at = (uint32_t)n;
        break;
    default:
        memcpy(at, &n, sizeof n);
        break;
    }
    return OUT_OK;
}

static enum outcome cells_take_ip(const char *text, uint8_t ip[16], struct err *err)
{
    if (inet_pton(AF_INET, text, ip + 12) == 1) {
        memset(ip, 0, 10);
        ip[10] = 0xff;
        ip[11] = 0xff;
        return OUT_OK;
    }
    if (inet_pton(AF_INET6, text, ip) == 1)
        return OUT_OK;
    return err_set(err, OUT_BROKEN, "column ip holds no address");
}

static enum outcome cells_take_rdata(struct port_tlsa **at, sqlite3_stmt *stmt, int index,
                                     struct err *err)
{
    if (sqlite3_column_type(stmt, index) == SQLITE_NULL)
        return OUT_OK;
    const uint8_t *wire = sqlite3_column_blob(stmt, index);
    int len = sqlite3_column_bytes(stmt, index);
    if (wire == NULL || len < CELLS_RDATA_HEAD || len > CELLS_RDATA_HEAD + PORT_TLSA_MAX)
        return err_set(err, OUT_BROKEN, "column rdata holds %d octets", len);
    struct port_tlsa *rec = calloc(1, sizeof *rec);
    if (rec == NULL)
        return err_set(err, OUT_BROKEN, "no memory for a record");
    rec->combo.usage = wire[0];
    rec->combo.selector = wire[1];
    rec->combo.matching = wire[2];
    rec->len = (uint16_t)(len - CELLS_RDATA_HEAD);
    memcpy(rec->data, wire + CELLS_RDATA_HEAD, rec->len);
    *at = rec;
    return OUT_OK;
}

/* Text of at most `max` octets, without a NUL inside; NULL for SQL's NULL. */
static enum outcome cells_text(const struct column *c, size_t max, const char **out,
                               sqlite3_stmt *stmt, int index, struct err *err)
{
    *out = (const char *)sqlite3_column_text(stmt, index);
    size_t len = (size_t)sqlite3_column_bytes(stmt, index);
    if (*out != NULL && (len > max || strlen(*out) != len))
        return err_set(err, OUT_BROKEN, "column %s holds %zu octets, more than %zu or with a NUL",
                       c->name, len, max);
    if (*out == NULL && c->kind != COLUMN_PEM)
        return err_set(err, OUT_BROKEN, "column %s holds nothing", c->name);
    return OUT_OK;
}

enum outcome cells_take(const struct column *c, void *at, sqlite3_stmt *stmt, int index,
                        struct err *err)
{
    const char *text = NULL;
    size_t max = c->kind == COLUMN_TEXT  ? c->size - 1
                 : c->kind == COLUMN_PEM ? PORT_PEM_MAX - 1
                                         : CELLS_TEXT_MAX;
    if (c->kind == COLUMN_RDATA)
        return cells_take_rdata(at, stmt, index, err);
    if (cells_is_number(c))
        return cells_take_number(c, at, stmt, index, err);
    enum outcome out = cells_text(c, max, &text, stmt, index, err);
    if (out != OUT_OK)
        return out;
    if (c->kind == COLUMN_HEX && !text_unhex(text, at, c->size))
        return err_set(err, OUT_BROKEN, "column %s holds no %zu octets in hexadecimal", c->name,
                       c->size);
    if (c->kind == COLUMN_IP)
        return cells_take_ip(text, at, err);
    if (c->kind == COLUMN_TEXT)
        memcpy(at, text, strlen(text) + 1);
    if (c->kind == COLUMN_PEM && text != NULL) {
        *(char **)at = strdup(text);
        if (*(char **)at == NULL)
            return err_set(err, OUT_BROKEN, "no memory for a certificate");
    }
    return OUT_OK;
}
