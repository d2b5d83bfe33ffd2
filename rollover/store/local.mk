# SPDX-License-Identifier: BSD-2-Clause
# librstore.a: state, history, key files.
