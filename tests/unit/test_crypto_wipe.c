/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After wipe_begin no part of a private key is left in this process once its owners let go of it
 * (row 56). Our own memory is searched for it, as a core file or a debugger would show it.
 */
#define _DEFAULT_SOURCE 1
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "crypto/bundle.h"
#include "crypto/key.h"
#include "crypto/ossl.h"
#include "crypto/wipe.h"
#include "pki.h"

#define PIECE 24
#define MASK 0x5a
#define MAP_MAX (64UL << 20) /* larger ones are a sanitizer's tables */

/* Pieces of the key, masked, so that they are not found themselves: its number, the same as
 * OpenSSL holds it on this machine, and its text. */
static struct {
    uint8_t number[PIECE], turned[PIECE], text[PIECE];
} piece;

static void remember(const struct key *key, const struct key_pem *pem)
{
    BIGNUM *number = NULL;
    uint8_t octets[512];
    bool ec = key_alg(key) == PORT_ALG_P256;
    const char *name = ec ? OSSL_PKEY_PARAM_PRIV_KEY : OSSL_PKEY_PARAM_RSA_FACTOR1;
    assert_int_equal(EVP_PKEY_get_bn_param(ossl_pkey(key), name, &number), 1);
    int len = BN_bn2bin(number, octets);
    assert_true(len >= PIECE + 4);
    for (int i = 0; i < PIECE; i++) {
        piece.number[i] = (uint8_t)(octets[len - PIECE - 4 + i] ^ MASK);
        piece.turned[PIECE - 1 - i] = piece.number[i];
        piece.text[i] = (uint8_t)(pem->text[(ec ? 84 : 1000) + i] ^ MASK); /* a private part */
    }
    key_wipe(octets, sizeof octets);
    BN_clear_free(number);
}

static bool here(const uint8_t *at, const uint8_t masked[PIECE])
{
    for (size_t i = 0; i < PIECE; i++) {
        if ((at[i] ^ MASK) != masked[i])
            return false;
    }
    return true;
}

/* How often it stands between two addresses. */
static size_t search_range(int fd, unsigned long from, unsigned long to)
{
    size_t found = 0;
    size_t len = to - from;
    uint8_t *copy = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == NULL || copy == MAP_FAILED) {
        fail_msg("no memory to copy %zu octets", len);
        return 0;
    }
    ssize_t n = pread(fd, copy, len, (off_t)from);
    for (ssize_t i = 0; i + PIECE <= n; i++) {
        if (here(copy + i, piece.number) || here(copy + i, piece.turned) ||
            here(copy + i, piece.text))
            found++;
    }
    assert_int_equal(munmap(copy, len), 0);
    return found;
}

static size_t search(void)
{
    size_t found = 0;
    size_t searched = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(fd >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *end = NULL;
        unsigned long from = strtoul(line, &end, 16);
        unsigned long to = *end == '-' ? strtoul(end + 1, &end, 16) : 0;
        if (to <= from || to - from > MAP_MAX || strncmp(end, " rw", 3) != 0)
            continue;
        found += search_range(fd, from, to);
        searched++;
    }
    assert_true(searched > 3);
    assert_int_equal(fclose(maps), 0);
    assert_int_equal(close(fd), 0);
    return found;
}

/* Everything that we do with a key: made, written, read, in a chain file, checked. */
static void use(enum port_alg alg)
{
    struct err err = ERR_INIT;
    struct key_pem pem;
    struct key *again = NULL;
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    struct key *key = pki_key(alg);
    assert_int_equal(key_to_pem(key, &pem, &err), OUT_OK);
    remember(key, &pem);
    assert_int_equal(key_from_pem(pem.text, pem.len, &again, &err), OUT_OK);
    char *cert = pki_self(key, "mx.example.org");
    char *text = pki_join(pem.text, cert);
    assert_int_equal(bundle_read(text, strlen(text), parts, &n, &err), OUT_OK);
    assert_int_equal(bundle_check(text, strlen(text), parts, n, &err), OUT_OK);
    assert_true(search() >= 4); /* else the search finds nothing at all */
    bundle_free(parts, n);
    bundle_drop(&text, strlen(text));
    key_pem_wipe(&pem);
    key_free(&key);
    key_free(&again);
    free(cert);
}

static void nothing_is_left_of_an_ec_key(void **state)
{
    (void)state;
    use(PORT_ALG_P256);
    assert_int_equal(search(), 0);
}

static void nothing_is_left_of_an_rsa_key(void **state)
{
    (void)state;
    use(PORT_ALG_RSA2048);
    assert_int_equal(search(), 0);
}

/* A child in which OpenSSL was used first. */
static pid_t too_late(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        struct key *key = pki_key(PORT_ALG_P256);
        enum outcome out = wipe_begin(&err);
        key_free(&key); /* works as before */
        _exit((int)out);
    }
    return pid;
}

static void once_openssl_was_used_it_is_too_late(void **state)
{
    int status = 0;
    const pid_t *pid = *state;
    assert_true(*pid > 0);
    assert_int_equal(waitpid(*pid, &status, 0), *pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), OUT_REFUSED);
}

int main(void)
{
    struct err err = ERR_INIT;
    pid_t pid = too_late();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_an_ec_key),
        cmocka_unit_test(nothing_is_left_of_an_rsa_key),
        cmocka_unit_test_prestate(once_openssl_was_used_it_is_too_late, &pid),
    };
    if (wipe_begin(&err) != OUT_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
