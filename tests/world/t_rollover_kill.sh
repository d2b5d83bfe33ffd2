#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same with kill -9 of all our processes at three random moments. (Ten: roll --kill 10.)
exec "$(dirname "$0")/roll" --quiet --rollovers 2 --kill 3
