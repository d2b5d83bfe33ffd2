# SPDX-License-Identifier: BSD-2-Clause
# librdns.a: providers, resolving, observation.
