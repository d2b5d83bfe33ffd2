/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * account - the account at a CA: found again, or made (RFC 8555 section 7.3)
 *
 * Noted: directory, account URL, SPKI of its key. The key is noted before the CA hears of it, so
 * that a crash leaves no account without a key. A key that was used before asks with
 * onlyReturnExisting first; only "accountDoesNotExist" leads to a new account. A noted account is
 * used without asking.
 *
 * OUT_REFUSED with *fault PORT_ISSUE_ACCOUNT: deactivated, revoked, or the CA wants something of a
 * person (safety.md row 17).
 *
 * Threads: as struct client.
 */
#ifndef DANEMILTER_ACME_ACCOUNT_H
#define DANEMILTER_ACME_ACCOUNT_H

#include "acme/client.h"

/* client->key and client->kid are set on OUT_OK. `certificate` is for the log. */
enum outcome account_ready(struct client *client, const char *certificate,
                           enum port_issue_fault *fault, struct err *err);

/* The CA said accountDoesNotExist: asks by the kept key, makes it again if that is not known
 * either. */
enum outcome account_again(struct client *client, const char *certificate,
                           enum port_issue_fault *fault, struct err *err);

/* The CA said "unauthorized": is it the account? OUT_OK: no, it is valid. */
enum outcome account_confirm(struct client *client, enum port_issue_fault *fault, struct err *err);

#endif
