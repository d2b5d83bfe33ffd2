#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two rollovers of both algorithms in both zones, by ACME, under Postfix's master, under the prober
# and real mail: nothing failed, nothing stale, every mail Verified at the first try.
exec "$(dirname "$0")/roll" --quiet --rollovers 2 --zone both
