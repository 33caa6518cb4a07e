/*
 * ascii.h - TYPE A: lines end in CR LF on the wire and in LF in the file.  Pure.
 *
 * To the wire: LF becomes CR LF unless a CR stands before it already, so a file with Windows line ends passes as it is.
 * From the wire: CR LF becomes LF; a CR before anything else, and a LF alone, are content and stay.
 * The state carries what the end of one buffer means for the next (threats.md P28).
 */
#pragma once

#include "base/slice.h"

struct ascii_out {
    bool after_cr;
};
/* `out` has room for twice the input. */
size_t ascii_to_wire(struct ascii_out *state, struct slice in, char *out);

struct ascii_in {
    bool held_cr; /* a CR that waits for what follows it */
};
/* Output may be one byte longer than the input (the held CR); `out` may begin one byte before `in`, not elsewhere in
 * it. */
size_t ascii_from_wire(struct ascii_in *state, struct slice in, char *out);
/* At the end of the data: whether a held CR is still to be written. */
bool ascii_from_wire_end(struct ascii_in *state);
