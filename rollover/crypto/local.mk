# SPDX-License-Identifier: BSD-2-Clause
# librcrypto.a: keys, certificates, TLSA, DANE verification.
noinst_LIBRARIES += librcrypto.a
librcrypto_a_SOURCES = \
    rollover/crypto/key.c rollover/crypto/key.h \
    rollover/crypto/ossl.c rollover/crypto/ossl.h \
    rollover/crypto/pem.c rollover/crypto/pem.h \
    rollover/crypto/tlsa.c rollover/crypto/tlsa.h
