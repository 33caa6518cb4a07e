/*
 * pack.h - the texts of a record behind it, in the one allocation that owns both.
 */
#pragma once

#include "base/slice.h"

/* Copy the bytes to *at and move it behind them; the slice lives as long as the allocation. */
static inline struct slice pack_text(char **at, struct slice s)
{
    char *start = *at;
    if (s.len)
        memcpy(start, s.ptr, s.len);
    *at += s.len;
    return slice_of(start, s.len);
}
