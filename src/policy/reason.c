/* reason.c - see reason.h. */
#include "policy/reason.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

void reason_set(struct reason *r, uint32_t source, const char *fmt, ...)
{
    if (!r)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->text, sizeof r->text, fmt, args);
    va_end(args);
    r->source = source;
}

void reason_print(const struct snapshot *s, const struct reason *r, struct text *out)
{
    OWNED_TEXT_BUFFER place = { 0 };
    text_add_escaped(out, slice_str(r->text));
    snapshot_source_print(s, r->source, &place);
    if (place.len)
        text_addf(out, " (%s)", text_str(&place));
}
