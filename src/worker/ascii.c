/* ascii.c - line ends of TYPE A. */
#include "worker/ascii.h"

size_t ascii_to_wire(struct ascii_out *state, struct slice in, char *out)
{
    char *to = out;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '\n' && !state->after_cr)
            *to++ = '\r';
        *to++ = c;
        state->after_cr = c == '\r';
    }
    return (size_t)(to - out);
}

size_t ascii_from_wire(struct ascii_in *state, struct slice in, char *out)
{
    char *to = out;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (state->held_cr && c != '\n')
            *to++ = '\r';
        state->held_cr = c == '\r';
        if (!state->held_cr)
            *to++ = c;
    }
    return (size_t)(to - out);
}

bool ascii_from_wire_end(struct ascii_in *state)
{
    bool held = state->held_cr;
    state->held_cr = false;
    return held;
}
