# SPDX-License-Identifier: BSD-2-Clause
# librcore.a: the pure core (model, phase, safety, plan, renew) and its tests.
