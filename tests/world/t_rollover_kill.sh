#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same with kill -9 of daemon, helper or both at three random moments; master starts them
# again. (Thirty: roll --kill 30.)
exec "$(dirname "$0")/roll" --quiet --rollovers 2 --kill 3
