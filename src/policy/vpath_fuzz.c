/* vpath_fuzz.c - whatever is typed, the result is canonical, stays what it is, and never grows beyond its limit. */
#include "policy/vpath.h"

#include <stdint.h>
#include <stdlib.h>

#include "proto/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* The input is cut at its first line end: a directory to start from and an argument. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice argument = slice_of((const char *)data, size);
    struct slice start = slice_cut(&argument, '\n');
    OWNED_TEXT_BUFFER cwd = { 0 };
    OWNED_TEXT_BUFFER path = { 0 };
    OWNED_TEXT_BUFFER again = { 0 };
    OWNED_TEXT_BUFFER joined = { 0 };
    if (vpath_resolve(SLICE_LITERAL("/"), start, &cwd))
        return 0;
    require(vpath_is_canonical(text_slice(&cwd)));
    if (vpath_resolve(text_slice(&cwd), argument, &path))
        return 0;
    require(vpath_is_canonical(text_slice(&path)) && path.len <= PATH_LIMIT);
    require(vpath_resolve(SLICE_LITERAL("/x"), text_slice(&path), &again) == 0);
    require(slice_equal(text_slice(&path), text_slice(&again))); /* F02: one form only */
    struct slice last = vpath_last(text_slice(&path)), parent = slice_first(text_slice(&path), path.len - last.len);
    require(!last.len || (vpath_join(parent, last, &joined) == 0 && slice_equal(text_slice(&joined), text_slice(&path))));
    if (vpath_names_ok(text_slice(&path), true) == 0)
        require(vpath_names_ok(text_slice(&path), false) == 0 && slice_is_utf8(text_slice(&path)));
    return 0;
}
