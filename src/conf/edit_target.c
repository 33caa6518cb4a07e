/*
 * edit_target.c - one edit of one file: a patch, read and checked again as a whole before it counts.
 *
 * An element that is not written yet is created with everything around it that is missing, up to a location tag.
 */
#include <stdlib.h>

#include "base/fold.h"
#include "conf/edit_priv.h"

int edit_refuse(struct diag *d, int err, const char *todo, const char *fmt, ...)
{
    OWNED_TEXT_BUFFER what = { 0 };
    va_list args;
    va_start(args, fmt);
    text_addv(&what, fmt, args);
    va_end(args);
    *d = (struct diag){ 0 };
    diag_set(d, "%s", text_str(&what));
    diag_todo(d, "%s", todo);
    return err;
}

void edit_about(struct diag *d, const struct conf_element *e)
{
    OWNED_TEXT_BUFFER path = { 0 };
    element_path_print(e->ref->section, e->schema, &path);
    diag_path(d, "%s", text_str(&path));
    diag_place(d, slice_str(e->in->name), 0, 0);
}

/* ---- begin and end ---- */

/* A file that does not exist begins as the one of schema/new/. */
static MUST_USE int make_file(struct edit *ed)
{
    struct slice bytes = schema_new_file(conf_file_name(ed->which));
    struct sink s = { .fatal_only = true };
    struct conf_input made;
    int err = input_load(ed->c, &made, ed->which, ed->in->name, bytes, &s);
    if (err || s.err) {
        input_free(&made);
        return err ? err : s.err;
    }
    ed->absent = *ed->in;
    *ed->in = made;
    ed->made = true;
    return 0;
}

int edit_begin(struct edit *ed, struct conf *c, enum conf_file which, struct diag *d)
{
    *ed = (struct edit){ .c = c, .which = which, .in = &c->files[which], .d = d };
    int err = ed->in->x ? 0 : make_file(ed);
    ed->patch.x = ed->in->x;
    return err;
}

/* Make room for the shifts before the edit counts, so that noting them cannot fail. */
static MUST_USE int room_for_shifts(struct conf *c, size_t more)
{
    if (c->shift_count + more <= c->shift_cap)
        return 0;
    size_t cap = 2 * (c->shift_count + more);
    struct conf_shift *grown = realloc(c->shifts, cap * sizeof *grown);
    if (!grown)
        return ERR_NOMEM;
    c->shifts = grown;
    c->shift_cap = cap;
    return 0;
}

/* From the end to the start, so that each shift is told in bytes that the later ones leave where they are. */
static void note_shifts(struct edit *ed)
{
    struct conf *c = ed->c;
    if (ed->moved.is_move) {
        ed->moved.edit = c->edits;
        c->shifts[c->shift_count++] = ed->moved;
    }
    for (size_t i = ed->patch.count; i-- > 0;) {
        const struct splice *s = &ed->patch.splices[i];
        c->shifts[c->shift_count++] = (struct conf_shift){
            .edit = c->edits, .file = (uint32_t)ed->which, .at = s->at, .old_len = s->len, .new_len = s->text_len,
        };
    }
}

/* Read the patched bytes; they replace the file only when nothing is wrong with them. */
static MUST_USE int try_bytes(struct edit *ed, struct slice bytes)
{
    struct sink s = { .fatal_only = true };
    struct conf_input old = *ed->in, fresh;
    int err = input_load(ed->c, &fresh, ed->which, old.name, bytes, &s);
    if (!err && !s.err) {
        *ed->in = fresh;
        struct arena kept = ed->c->elements;
        ed->c->elements = (struct arena){ 0 };
        err = check_input(ed->c, ed->which, &s);
        arena_free(&ed->c->elements);
        ed->c->elements = kept;
    }
    if (err || s.err) {
        *ed->in = old;
        input_free(&fresh);
        if (s.err)
            *ed->d = s.first;
        return err ? err : s.err;
    }
    input_free(&old);
    arena_free(&ed->c->elements); /* they point into the old file */
    ed->c->edits++;
    note_shifts(ed);
    return 0;
}

static void clean_up(struct edit *ed, int err)
{
    if (ed->made && err) {
        input_free(ed->in);
        *ed->in = ed->absent;
    } else if (ed->made) {
        input_free(&ed->absent);
    }
    patch_free(&ed->patch);
    arena_free(&ed->names);
}

static void note_change(struct edit *ed)
{
    struct conf_disk *disk = &ed->c->disk[ed->which];
    disk->changed = !disk->existed || !slice_equal(conf_bytes(ed->c, ed->which), text_slice(&disk->original));
}

int edit_finish(struct edit *ed, int err)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    if (!err)
        err = patch_apply(&ed->patch, &bytes);
    if (!err)
        err = room_for_shifts(ed->c, ed->patch.count + 1);
    if (!err && (ed->made || !slice_equal(text_slice(&bytes), conf_bytes(ed->c, ed->which))))
        err = try_bytes(ed, text_slice(&bytes));
    if (!err)
        note_change(ed);
    clean_up(ed, err);
    if (err && ed->before.len) {
        /* what was moved here for this edit goes back; it was good then, so it is good now */
        struct diag ignored = { 0 };
        struct edit back = { .c = ed->c, .which = ed->which, .in = ed->in, .d = &ignored };
        if (try_bytes(&back, text_slice(&ed->before)) == 0) {
            note_change(&back);
            ed->c->shift_count = ed->shifts_before; /* nothing stands elsewhere now */
        }
    }
    text_free(&ed->before);
    if (err == ERR_NOMEM)
        return edit_refuse(ed->d, err, "", "%s", err_text(err));
    return err;
}

/* ---- configSource ---- */

enum { STEPS_MAX = 48 };

/* The way from a section to an element: children by the schema's number, items by theirs. */
struct way {
    struct {
        bool is_item;
        size_t index;
    } steps[STEPS_MAX];
    size_t count;
};

static MUST_USE int way_to(struct conf_element *e, struct way *way)
{
    for (way->count = 0; e->parent; e = e->parent) {
        size_t index = e->schema->index;
        if (way->count == STEPS_MAX)
            return ERR_LIMIT;
        for (index = e->schema->is_item ? 0 : index; e->schema->is_item && conf_item(e->parent, index) != e; index++)
            if (index >= conf_count(e->parent))
                return ERR_STATE;
        way->steps[way->count].is_item = e->schema->is_item;
        way->steps[way->count++].index = index;
    }
    return 0;
}

static struct conf_element *walk_way(struct conf_element *section, const struct way *way)
{
    struct conf_element *e = section;
    for (size_t i = way->count; i-- > 0 && e;)
        e = way->steps[i].is_item ? conf_item(e, way->steps[i].index)
                                  : element_child(e, e->schema->children[way->steps[i].index]);
    return e;
}

static MUST_USE int take_in(struct conf *c, enum conf_file which, const struct place *p, struct diag *d)
{
    const struct xml *x = p->source->x;
    const struct patch_element body = {
        .self = slice_of(x->bytes + x->nodes[0].start, x->nodes[0].end - x->nodes[0].start),
        .is_raw = true,
    };
    struct edit ed;
    int err = edit_begin(&ed, c, which, d);
    if (!err) {
        ed.moved = (struct conf_shift){
            .file = p->source->number, .at = x->nodes[0].start, .old_len = body.self.len,
            .is_move = true, .to_file = (uint32_t)which, .to = ed.in->x->nodes[p->at].start,
        };
        patch_replace(&ed.patch, p->at, &body);
    }
    return edit_finish(&ed, err);
}

int edit_begin_at(struct edit *ed, struct conf *c, struct conf_element **e, struct diag *d)
{
    struct section_ref ref = *(*e)->ref;
    const struct conf_input *in = &c->files[ref.section->file];
    uint32_t at = in->x ? input_place(in, ref.section, ref.path) : MAP_NONE;
    if (at == MAP_NONE || !in->places[at].source)
        return edit_begin(ed, c, ref.section->file, d);
    struct way way;
    size_t shifts_before = c->shift_count;
    struct text before = { .max = (size_t)XML_BYTES_MAX + 1 };
    OWNED_TEXT_BUFFER path = { 0 };
    *ed = (struct edit){ .c = c, .which = ref.section->file, .in = &c->files[ref.section->file], .d = d };
    text_add(&before, conf_bytes(c, ref.section->file));
    text_add(&path, ref.path); /* the element's own is gone after the edit */
    int err = way_to(*e, &way);
    if (!err)
        err = text_error(&before) ? ERR_NOMEM : text_error(&path);
    if (!err)
        err = take_in(c, ref.section->file, &in->places[at], d);
    struct conf_element *section = NULL;
    if (!err)
        err = element_of_section(c, ref.section, text_slice(&path), &section);
    if (!err) {
        *e = walk_way(section, &way);
        err = *e ? edit_begin(ed, c, ref.section->file, d) : ERR_NOMEM;
    }
    ed->before = before;
    ed->shifts_before = shifts_before;
    return err;
}

/* ---- where an element is, or what must be made for it ---- */

int target_open(struct edit *ed, struct target *t, const char *tag)
{
    if (!tag)
        return ERR_NOMEM;
    if (t->missing.open_count == sizeof t->missing.open / sizeof *t->missing.open)
        return edit_refuse(ed->d, ERR_LIMIT, "", "Elements are nested too deep");
    t->missing.open[t->missing.open_count++] = tag;
    return 0;
}

int target_open_location(struct edit *ed, struct target *t, struct slice path, const char *mode)
{
    OWNED_TEXT_BUFFER tag = { 0 };
    text_add_str(&tag, "location path=\"");
    text_add_xml(&tag, path);
    text_add_char(&tag, '"');
    if (mode)
        text_addf(&tag, " overrideMode=\"%s\"", mode);
    if (text_error(&tag))
        return ERR_NOMEM;
    t->node = 0;
    return target_open(ed, t, arena_copy(&ed->names, text_slice(&tag)));
}

/* A location tag for the path that carries no lock, which would spread to a section put there. */
static uint32_t find_location(const struct xml *x, struct slice path)
{
    for (uint32_t n = x->nodes[0].first; n != XML_NONE; n = x->nodes[n].next) {
        if (!slice_equal_str(xml_name(x, n), "location"))
            continue;
        struct slice at = path_canonical(xml_attr_or(x, n, "path", SLICE_NONE));
        bool is_plain = xml_attr_find(x, n, "overrideMode") == XML_NONE &&
                        xml_attr_find(x, n, "allowOverride") == XML_NONE &&
                        xml_attr_find(x, n, "inheritInChildApplications") == XML_NONE;
        if (is_plain && fold_same(at, path))
            return n;
    }
    return XML_NONE;
}

int target_enter_groups(struct edit *ed, struct target *t, const struct schema_section *section)
{
    struct slice rest = slice_str(section->name);
    int err = 0;
    for (struct slice name = slice_cut(&rest, '/'); rest.ptr && !err; name = slice_cut(&rest, '/')) {
        uint32_t group = t->missing.open_count ? XML_NONE : xml_child(ed->in->x, t->node, name, XML_NONE);
        if (group != XML_NONE)
            t->node = group;
        else
            err = target_open(ed, t, arena_copy(&ed->names, name));
    }
    return err;
}

static MUST_USE int target_of_section(struct edit *ed, const struct section_ref *ref, struct target *t)
{
    *t = (struct target){ 0 };
    int err = 0;
    if (ref->path.len) {
        uint32_t location = find_location(ed->in->x, ref->path);
        if (location != XML_NONE)
            t->node = location;
        else
            err = target_open_location(ed, t, ref->path, NULL);
    }
    return err ? err : target_enter_groups(ed, t, ref->section);
}

int target_of(struct edit *ed, const struct conf_element *e, struct target *t)
{
    uint32_t local = ed->made ? XML_NONE : element_local(e);
    if (local != XML_NONE) {
        *t = (struct target){ .node = local };
        return 0;
    }
    if (e->schema->is_item) {
        int err = edit_refuse(ed->d, ERR_STATE, "Remove it here and add it again with the new values",
                         "The item is inherited and cannot be changed at this level");
        edit_about(ed->d, e);
        return err;
    }
    if (!e->parent) {
        uint32_t place = input_place(ed->in, e->ref->section, e->ref->path);
        if (place != MAP_NONE) { /* a file just made has it */
            *t = (struct target){ .node = ed->in->places[place].node };
            return 0;
        }
        int err = target_of_section(ed, e->ref, t);
        return err ? err : target_open(ed, t, e->schema->name);
    }
    int err = target_of(ed, e->parent, t);
    uint32_t child = err || t->missing.open_count
                         ? XML_NONE
                         : xml_child(ed->in->x, t->node, slice_str(e->schema->name), XML_NONE);
    if (child != XML_NONE) {
        t->node = child;
        return 0;
    }
    return err ? err : target_open(ed, t, e->schema->name);
}

void target_write(struct edit *ed, struct target *t)
{
    const struct xml *x = ed->in->x;
    uint32_t behind = XML_NONE;
    bool is_location = t->missing.open_count && slice_starts(slice_str(t->missing.open[0]), SLICE_LITERAL("location "));
    for (uint32_t n = x->nodes[t->node].first; n != XML_NONE && t->node == 0 && !is_location; n = x->nodes[n].next)
        if (!slice_equal_str(xml_name(x, n), "location"))
            behind = n;
    if (behind == XML_NONE)
        patch_insert(&ed->patch, PATCH_LAST_IN, t->node, &t->missing);
    else
        patch_insert(&ed->patch, PATCH_AFTER, behind, &t->missing);
}

struct slice target_close(struct edit *ed, struct target *t, struct slice attributes)
{
    OWNED_TEXT_BUFFER self = { 0 };
    text_add_str(&self, t->missing.open[--t->missing.open_count]);
    text_add(&self, attributes);
    char *kept = arena_copy(&ed->names, text_slice(&self));
    if (!kept || text_error(&self))
        ed->patch.err = ERR_NOMEM;
    return slice_of(kept, self.len);
}
