# SPDX-License-Identifier: BSD-2-Clause
# librcrypto.a: keys, certificates, TLSA, DANE verification.
