/*
 * message.h - configured messages: %variables% filled in (ftp-behaviour.md 9).
 *
 * A value that came from the client is made one harmless line on the way in, so it cannot add lines of its own
 * (threats.md P35).  Unknown %x% stays as typed.  Values are never expanded again.
 */
#pragma once

#include "base/text.h"

struct message_values {
    struct slice session_id, site_name, user_name;
    uint64_t to_client, to_server;
};

/* %BytesReceived% counts server to client, %BytesSent% client to server: IIS documents them from the client's side. */
void message_expand(struct slice message, const struct message_values *values, struct text *out);
