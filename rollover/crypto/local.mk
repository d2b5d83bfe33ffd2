# SPDX-License-Identifier: BSD-2-Clause
# librcrypto.a: keys, certificates, TLSA, DANE verification.
noinst_LIBRARIES += librcrypto.a
librcrypto_a_SOURCES = \
    rollover/crypto/bundle.c rollover/crypto/bundle.h \
    rollover/crypto/cert.c rollover/crypto/cert.h \
    rollover/crypto/chain.c rollover/crypto/chain.h \
    rollover/crypto/danematch.c rollover/crypto/danematch.h \
    rollover/crypto/danematch_chain.c rollover/crypto/danematch_ssl.h \
    rollover/crypto/handshake.c rollover/crypto/handshake.h \
    rollover/crypto/key.c rollover/crypto/key.h \
    rollover/crypto/ossl.c rollover/crypto/ossl.h \
    rollover/crypto/pem.c rollover/crypto/pem.h \
    rollover/crypto/selfsigned.c rollover/crypto/selfsigned.h \
    rollover/crypto/tlsa.c rollover/crypto/tlsa.h
