# SPDX-License-Identifier: BSD-2-Clause
# librnet.a: HTTP and the STARTTLS probe.
