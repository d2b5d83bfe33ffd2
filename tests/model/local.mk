# SPDX-License-Identifier: BSD-2-Clause
# The explorer of every state.
