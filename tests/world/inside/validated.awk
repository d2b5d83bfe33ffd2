# SPDX-License-Identifier: BSD-2-Clause
# Reads kdig's output; status 0 if it is NOERROR with AD and at least one answer.
/^;; ->>HEADER<<-/ && /NOERROR/ { ok++ }
/^;; Flags:/ && / ad[; ]/ && !/ANSWER: 0/ { ok++ }
END { exit ok != 2 }
