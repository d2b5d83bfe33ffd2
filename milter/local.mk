# SPDX-License-Identifier: BSD-2-Clause
# The programs danemilter and danectl.
