/* mark.c - places of items, carried over edits; edit_target.c notes what moves. */
#include "conf/conf_priv.h"

struct conf_mark conf_mark_of(const struct conf_element *item)
{
    const struct xml *x = item->in->x;
    return (struct conf_mark){ (uint32_t)item->in->which, item->layer_count ? x->nodes[item->layers[0].node].start : 0 };
}

uint64_t conf_edits(const struct conf *c)
{
    return c->edits;
}

bool conf_mark_follow(const struct conf *c, struct conf_mark *mark)
{
    for (size_t i = 0; i < c->shift_count; i++) {
        const struct conf_shift *s = &c->shifts[i];
        if (s->file != mark->file || s->at > mark->at)
            continue;
        if (s->at + s->old_len > mark->at)
            return false;
        mark->at += s->new_len - s->old_len;
    }
    return true;
}

void conf_marks_done(struct conf *c)
{
    c->shift_count = 0;
}
