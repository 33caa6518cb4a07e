/*
 * denial.h - denyByFailure: failed logins of all workers counted by address.
 *
 * The authenticator counts, since it alone sees every login; workers are told who is blocked and cut such connections
 * when they come.  An address with a single-address Allow entry in the server's ipSecurity is never counted.
 */
#pragma once

#include "base/net_addr.h"

struct auth_server;

/* Somebody at `client` failed to log in as `name`. */
void denial_count(struct auth_server *a, const struct net_addr *client, struct slice name);
/* Whether that account is closed for a while after too many failures (maxLoginFailuresPerAccount), for that client. */
bool denial_closes_account(struct auth_server *a, const struct net_addr *client, struct slice name);
/* Let go of the table. */
void denial_close(struct auth_server *a);
/* A worker has come (again): who is blocked now. */
void denial_tell_worker(struct auth_server *a, unsigned worker);
