# SPDX-License-Identifier: BSD-2-Clause
# Scenarios in simulated time.
