# SPDX-License-Identifier: BSD-2-Clause
# The mail world: scripts and the tests that run in it.
