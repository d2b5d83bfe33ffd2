/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/wipe.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* In <malloc.h>, which is no part of POSIX; glibc and musl have it. The blocks stay those of
 * malloc, so that a library that frees one of OpenSSL's with free(3) does no harm. */
size_t malloc_usable_size(void *mem);

static void *wipe_malloc(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    return len > 0 ? malloc(len) : NULL;
}

static void wipe_free(void *mem, const char *file, int line)
{
    (void)file;
    (void)line;
    if (mem != NULL)
        OPENSSL_cleanse(mem, malloc_usable_size(mem));
    free(mem);
}

/* realloc(3) could leave the old block as it is. */
static void *wipe_realloc(void *mem, size_t len, const char *file, int line)
{
    if (mem == NULL)
        return wipe_malloc(len, file, line);
    if (len == 0) {
        wipe_free(mem, file, line);
        return NULL;
    }
    size_t had = malloc_usable_size(mem);
    void *more = malloc(len);
    if (more == NULL)
        return NULL;
    memcpy(more, mem, had < len ? had : len);
    wipe_free(mem, file, line);
    return more;
}

enum outcome wipe_begin(struct err *err)
{
    if (CRYPTO_set_mem_functions(wipe_malloc, wipe_realloc, wipe_free) != 1)
        return err_set(err, OUT_REFUSED, "OpenSSL was in use before its memory could be guarded");
    return OUT_OK;
}
