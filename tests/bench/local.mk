# SPDX-License-Identifier: BSD-2-Clause
# Measurements; none of them runs in make check.
