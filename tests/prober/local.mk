# SPDX-License-Identifier: BSD-2-Clause
# The prober: a DANE sender that counts its verdicts.
