# SPDX-License-Identifier: BSD-2-Clause
# librengine.a: the engine, its worker and its snapshot.
