/* SPDX-License-Identifier: BSD-2-Clause */
/* Found only when configure did not find cmocka. */
#error "make check needs cmocka: install libcmocka-dev (autotools/setup packages does), then run configure again"
