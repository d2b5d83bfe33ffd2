# SPDX-License-Identifier: BSD-2-Clause
# librpostfix.a: parameters, chain file, reload, verification.
