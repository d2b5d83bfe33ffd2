/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cert - what a chain of certificates is, and which TLSA records it is matched by
 *
 * The port of ports.h for certificates: PEM text in, values out. It judges form (certificates
 * only, each signed by the next, the leaf's key, the names) and never time, trust or the network.
 *
 * Names are compared as senders do (RFC 6125, RFC 7672 section 3.2.3): with the dNSNames of the
 * leaf alone, never the common name; a wildcard stands for one whole left-most label. A name may
 * end in a dot.
 *
 * matches follows RFC 7671: usage 3 the leaf (section 5.1), usage 2 any issuer certificate that
 * the chain itself holds (section 5.2); usages 0 and 1 and unknown numbers match nothing.
 *
 * `self` is not used and may be NULL. Threads: no state.
 */
#ifndef DANEMILTER_CRYPTO_CERT_H
#define DANEMILTER_CRYPTO_CERT_H

#include "ports.h"

extern const struct port_certs_ops cert_ops;

#endif
