# SPDX-License-Identifier: BSD-2-Clause
# libracme.a: certificates from a CA that speaks ACME.
noinst_LIBRARIES += libracme.a
libracme_a_SOURCES = \
    rollover/acme/acme.c rollover/acme/acme.h
