/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names - domain names, addresses and record combinations as operators write them
 *
 * Private to rollover/conf. Pure: text in, values out; OUT_REFUSED says what is wrong with the
 * text. RFC 1035 section 2.3.4 (lengths), RFC 952 and 1123 (host names), RFC 4291 and RFC 3986
 * section 3.2.2 (addresses and ports), RFC 6698 section 2.1, RFC 7672 section 3.1.3.
 */
#ifndef DANEMILTER_CONF_NAMES_H
#define DANEMILTER_CONF_NAMES_H

#include "base/err.h"
#include "conf/conf.h"

#define NAMES_STAR 1u       /* "*." may lead */
#define NAMES_UNDERSCORE 2u /* labels may begin with _ */
#define NAMES_DOT 4u        /* the result ends with a dot */

/* Lower case. */
enum outcome names_domain(const char *text, unsigned flags, char out[PORT_NAME_MAX],
                          struct err *err);

/* Is `name` at or below `zone`? Both in lower case with final dot. */
bool names_below(const char *name, const char *zone);

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353". */
enum outcome names_server(const char *text, uint16_t port, struct conf_server *out,
                          struct err *err);

/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.1". Refuses bits behind the prefix. */
enum outcome names_net(const char *text, struct conf_net *out, struct err *err);

/* "3 1 1". Usages 0 and 1 are refused. */
enum outcome names_combo(const char *text, struct model_combo *out, struct err *err);

/* "p256" ... "rsa4096". */
enum outcome names_alg(const char *text, enum port_alg *out, struct err *err);

/* "_25._tcp.mx.example.org." into host and port; host "" and port 0 if it has another form. */
void names_service(const char *owner, char host[PORT_NAME_MAX], uint16_t *port);

#endif
