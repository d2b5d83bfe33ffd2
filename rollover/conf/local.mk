# SPDX-License-Identifier: BSD-2-Clause
# librconf.a: the configuration table and its parser.
