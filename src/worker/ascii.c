/* ascii.c - line ends of TYPE A: what stands between two of them is moved in one piece. */
#include "worker/ascii.h"

size_t ascii_to_wire(struct ascii_out *state, struct slice in, char *out)
{
    char *to = out;
    while (in.len) {
        struct slice line = slice_first(in, slice_find(in, '\n'));
        in = slice_from(in, line.len);
        memcpy(to, line.ptr, line.len);
        to += line.len;
        if (line.len)
            state->after_cr = to[-1] == '\r';
        if (!in.len)
            break;
        if (!state->after_cr)
            *to++ = '\r';
        *to++ = '\n';
        state->after_cr = false;
        in = slice_from(in, 1);
    }
    return (size_t)(to - out);
}

size_t ascii_from_wire(struct ascii_in *state, struct slice in, char *out)
{
    char *to = out;
    while (in.len) {
        if (state->held_cr && in.ptr[0] != '\n')
            *to++ = '\r';
        struct slice piece = slice_first(in, slice_find(in, '\r'));
        memmove(to, piece.ptr, piece.len);
        to += piece.len;
        state->held_cr = piece.len < in.len;
        in = slice_from(in, piece.len + 1);
    }
    return (size_t)(to - out);
}

bool ascii_from_wire_end(struct ascii_in *state)
{
    bool held = state->held_cr;
    state->held_cr = false;
    return held;
}
