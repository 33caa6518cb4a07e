/*
 * live.h - logins that live are judged again: by the clock, and at once when the configuration changes.
 *
 *   clock or configuration --> WALK over the tickets, some per turn --> chain and revocation, in an inquiry's thread
 *        certificate good, account of a directory --> the directory, in a mapper's thread
 *
 * Nothing here waits, and the walk never has more than a few judgements under way, so ten thousand live logins cost
 * threads some seconds and the authenticator's own thread next to nothing.  What cannot be found out leaves a session as it
 * is: it was shown good when it began.
 */
#pragma once

#include "auth/inquiry.h"

struct auth_server;
struct snap_site;
struct ticket;

struct live {
    size_t bucket;             /* of the ticket table: where the walk is */
    bool walking, again;       /* once more from the front when it is over */
    bool revocation, directory; /* what this walk looks at */
    unsigned in_flight;
    int64_t next_revocation, next_directory; /* monotonic ms */
};

/* The configuration has changed, or the logins of another start have come back: judge all of them, beginning now. */
void live_begin(struct auth_server *a);
/* Go on with the walk; the monotonic ms of the next moment to call it again. */
int64_t live_turn(struct auth_server *a, int64_t now);
/* Judge one login: the configuration has changed while it was being decided.  The ticket may be gone afterwards. */
void live_look(struct auth_server *a, const struct ticket *ticket);
/* An inquiry about a live login has ended. */
void live_judged(struct auth_server *a, const struct inquiry_job *job);
/* End a live login; the ticket is gone afterwards.  `why` goes to the log. */
void live_end(struct auth_server *a, const struct ticket *ticket, uint32_t substatus, uint32_t win32, const char *why);
