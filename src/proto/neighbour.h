/*
 * neighbour.h - worker <-> worker: connections that the other one serves.
 *
 * The supervisor connects each worker with the next one and the last with the first.
 */
#pragma once

#include "wire/channel.h"

/* Worker -> worker, fd: a control connection that was accepted a moment ago; nothing has been said on it. */
WIRE_MESSAGE(neighbour_connection, WIRE_NO_FIELDS)

#define NEIGHBOUR_CHANNEL(M)                  \
    M(1, neighbour_connection, ROLE_WORKER, 1)
WIRE_CHANNEL(neighbour_channel, NEIGHBOUR_CHANNEL)
