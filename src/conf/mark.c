/* mark.c - places of items, carried over edits; edit_target.c notes what moves. */
#include "conf/conf_priv.h"

struct conf_mark conf_mark_of(const struct conf_element *item)
{
    const struct layer *own = item->layer_count ? &item->layers[0] : NULL;
    return own ? (struct conf_mark){ own->in->number, own->in->x->nodes[own->node].start } : (struct conf_mark){ 0 };
}

uint64_t conf_edits(const struct conf *c)
{
    return c->edits;
}

bool conf_mark_follow(const struct conf *c, struct conf_mark *mark)
{
    uint64_t settled = 0; /* the edit whose other shifts do not concern the mark any more */
    for (size_t i = 0; i < c->shift_count; i++) {
        const struct conf_shift *s = &c->shifts[i];
        if (s->edit == settled || s->file != mark->file || s->at > mark->at)
            continue;
        bool is_inside = s->at + s->old_len > mark->at;
        if (is_inside && !s->is_move)
            return false;
        if (is_inside) {
            *mark = (struct conf_mark){ s->to_file, s->to + (mark->at - s->at) };
            settled = s->edit;
        } else if (!s->is_move) {
            mark->at += s->new_len - s->old_len;
        }
    }
    return true;
}

void conf_marks_done(struct conf *c)
{
    c->shift_count = 0;
}
