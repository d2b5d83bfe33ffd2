# SPDX-License-Identifier: BSD-2-Clause
# danectl's commands that only look, in the mail world (as root; else skipped).
TESTS += tests/look/t_danectl_look.sh
dist_check_SCRIPTS += tests/look/t_danectl_look.sh
