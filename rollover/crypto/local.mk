# SPDX-License-Identifier: BSD-2-Clause
# librcrypto.a: keys, certificates, TLSA, DANE verification.
noinst_LIBRARIES += librcrypto.a
librcrypto_a_SOURCES = \
    rollover/crypto/altname.c rollover/crypto/altname.h \
    rollover/crypto/b64url.c rollover/crypto/b64url.h \
    rollover/crypto/bundle.c rollover/crypto/bundle.h \
    rollover/crypto/cert.c rollover/crypto/cert.h \
    rollover/crypto/chain.c rollover/crypto/chain.h \
    rollover/crypto/csr.c rollover/crypto/csr.h \
    rollover/crypto/danematch.c rollover/crypto/danematch.h \
    rollover/crypto/danematch_chain.c rollover/crypto/danematch_ssl.h \
    rollover/crypto/handshake.c rollover/crypto/handshake.h \
    rollover/crypto/jws.c rollover/crypto/jws.h \
    rollover/crypto/key.c rollover/crypto/key.h \
    rollover/crypto/leaf.c rollover/crypto/leaf.h \
    rollover/crypto/ossl.c rollover/crypto/ossl.h \
    rollover/crypto/pem.c rollover/crypto/pem.h \
    rollover/crypto/selfsigned.c rollover/crypto/selfsigned.h \
    rollover/crypto/tlsa.c rollover/crypto/tlsa.h \
    rollover/crypto/wipe.c rollover/crypto/wipe.h

dm_crypto_tests = \
    tests/unit/test_crypto_bundle tests/unit/test_crypto_cert \
    tests/unit/test_crypto_csr tests/unit/test_crypto_jws \
    tests/unit/test_crypto_key tests/unit/test_crypto_selfsigned tests/unit/test_crypto_wipe
check_PROGRAMS += $(dm_crypto_tests)
TESTS += $(dm_crypto_tests)
dm_pki = tests/unit/pki.c tests/unit/pki.h
dm_crypto_libs = librcrypto.a librbase.a $(OPENSSL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_crypto_bundle_SOURCES = tests/unit/test_crypto_bundle.c $(dm_pki)
tests_unit_test_crypto_bundle_LDADD = $(dm_crypto_libs)
tests_unit_test_crypto_cert_SOURCES = tests/unit/test_crypto_cert.c $(dm_pki)
tests_unit_test_crypto_cert_LDADD = $(dm_crypto_libs)
tests_unit_test_crypto_csr_SOURCES = tests/unit/test_crypto_csr.c $(dm_pki)
tests_unit_test_crypto_csr_LDADD = $(dm_crypto_libs)
tests_unit_test_crypto_jws_SOURCES = tests/unit/test_crypto_jws.c $(dm_pki)
tests_unit_test_crypto_jws_LDADD = $(dm_crypto_libs)
tests_unit_test_crypto_key_SOURCES = tests/unit/test_crypto_key.c $(dm_pki)
tests_unit_test_crypto_key_LDADD = $(dm_crypto_libs)
tests_unit_test_crypto_selfsigned_SOURCES = tests/unit/test_crypto_selfsigned.c $(dm_pki)
tests_unit_test_crypto_selfsigned_LDADD = $(dm_crypto_libs)
tests_unit_test_crypto_wipe_SOURCES = tests/unit/test_crypto_wipe.c $(dm_pki)
tests_unit_test_crypto_wipe_LDADD = $(dm_crypto_libs)
# Lazy binding would save registers, and what they hold, on the stack.
tests_unit_test_crypto_wipe_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,now
