# SPDX-License-Identifier: BSD-2-Clause
# librnet.a: HTTP and the STARTTLS probe.
noinst_LIBRARIES += librnet.a
librnet_a_SOURCES = \
    rollover/net/http.c rollover/net/http_header.c rollover/net/http.h \
    rollover/net/probe.c rollover/net/probe.h \
    rollover/net/smtp.c rollover/net/smtp.h \
    rollover/net/url.c rollover/net/url.h
