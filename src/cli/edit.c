/*
 * edit.c - steps to elements, edits to calls of conf.h.
 *
 * Every failure is told in appcmd's words (numbers E2-E5 of its messages); nothing is saved here, so a command with
 * several edits is carried out whole or not at all.  Names are matched without regard to case, as appcmd does, and
 * written as the schema spells them.
 */
#include "cli/edit.h"

#include "cli/site.h"
#include "cli/table.h"

static const char malformed[] =
    "Malformed collection indexer; format is [@position,name='value',name2='value2',...].  The @position specifier is "
    "optional, and be '@start', '@end', or '@N' where N is a numeric index into the collection.";

struct propath_step edit_key(const char *key, struct slice value)
{
    struct propath_step step = { .kind = PROPATH_INDEX, .position = PROPATH_NO_POSITION, .count = 1 };
    step.pairs[0] = (struct propath_pair){ .name = slice_str(key), .value = value };
    return step;
}

const char *edit_attribute_name(struct conf_element *e, struct slice name)
{
    struct conf_schema_attr attr;
    const char *near = NULL;
    for (size_t i = 0; conf_schema_attr_at(e, i, &attr); i++) {
        if (slice_equal_str(name, attr.name))
            return attr.name;
        if (slice_equal_fold_str(name, attr.name))
            near = attr.name;
    }
    static const char *const locks[] = { "lockAttributes", "lockAllAttributesExcept", "lockElements",
                                         "lockAllElementsExcept", "lockItem" };
    for (size_t i = 0; !near && i < sizeof locks / sizeof locks[0]; i++)
        if (slice_equal_fold_str(name, locks[i]))
            near = locks[i]; /* every element may carry them */
    return near;
}

static struct conf_element *child_of(struct conf_element *e, struct slice name)
{
    bool is_collection;
    const char *child;
    for (size_t i = 0; (child = conf_schema_child_at(e, i, &is_collection)) != NULL; i++)
        if (slice_equal_fold_str(name, child))
            return conf_child(e, child);
    return NULL;
}

/* As the schema spells it; ptr NULL: the item has no such attribute. */
static struct slice spelled(const struct conf_draft *item, struct slice name)
{
    struct conf_schema_attr attr;
    for (size_t i = 0; conf_draft_schema_attr_at(item, i, &attr); i++)
        if (slice_equal_fold_str(name, attr.name))
            return slice_str(attr.name);
    return SLICE_NONE;
}

/* Without its quotes, type='A,B,version=1.0' looks like two keys; what is no attribute of the item belongs to the value
 * before it. */
static size_t pairs_of(struct conf_element *collection, const struct propath_step *step, struct conf_pair *pairs)
{
    struct conf_draft *item = NULL;
    struct diag d = { 0 };
    size_t count = 0;
    bool knows = conf_draft_new(collection, &item, &d) == 0;
    for (size_t i = 0; i < step->count; i++) {
        const struct propath_pair *p = &step->pairs[i];
        struct slice name = knows ? spelled(item, p->name) : SLICE_NONE;
        if (knows && i > 0 && p->is_bare && step->pairs[i - 1].is_bare && !name.ptr)
            pairs[count - 1].value.len = (size_t)(p->value.ptr + p->value.len - pairs[count - 1].value.ptr);
        else
            pairs[count++] = (struct conf_pair){ name.ptr ? name : p->name, p->value };
    }
    conf_draft_free(item);
    return count;
}

/* The one at the position, if there is one, and only if it is what the keys say; else the only one with these keys. */
static int item_of(struct conf_element *e, const struct propath_step *step, bool takes_first, struct conf_element **item_out)
{
    struct conf_pair pairs[PROPATH_PAIRS];
    struct conf_element *found = NULL;
    size_t count = conf_schema_item_name(e) ? conf_count(e) : 0, matches = 0;
    size_t pair_count = count ? pairs_of(e, step, pairs) : 0;
    bool is_anywhere = step->position == PROPATH_NO_POSITION;
    size_t at = step->position == PROPATH_END ? count - 1 : (size_t)step->position;
    for (size_t i = is_anywhere ? 0 : at; i < count && (is_anywhere || i == at); i++)
        if (conf_item_matches(conf_item(e, i), pairs, pair_count) && matches++ == 0)
            found = conf_item(e, i);
    *item_out = found;
    return !found ? ERR_NOT_FOUND : matches > 1 && !takes_first ? ERR_EXISTS : 0;
}

static int walk(struct conf_element **e, const struct propath_step *steps, size_t count, bool takes_first, struct edit_miss *miss_out)
{
    for (size_t i = 0; i < count; i++) {
        bool is_name = steps[i].kind == PROPATH_NAME;
        struct conf_element *next = is_name ? child_of(*e, steps[i].name) : NULL;
        int err = is_name ? next ? 0 : ERR_NOT_FOUND : item_of(*e, &steps[i], takes_first, &next);
        if (err) {
            if (miss_out)
                *miss_out = (struct edit_miss){ is_name ? steps[i].name : SLICE_NONE, &steps[i], next };
            return err;
        }
        *e = next;
    }
    return 0;
}

int edit_find(struct conf *c, const struct edit_place *place, const struct propath_step *steps, size_t count,
              struct conf_element **element_out, struct edit_miss *miss_out)
{
    struct conf_element *e = NULL;
    int err = conf_section(c, place->section, place->path, &e);
    if (err) {
        if (miss_out)
            *miss_out = (struct edit_miss){ .name = place->section };
        return err;
    }
    err = walk(&e, place->prefix, place->prefix_count, place->takes_first, miss_out);
    if (!err)
        err = walk(&e, steps, count, place->takes_first, miss_out);
    if (!err)
        *element_out = e;
    return err;
}

/* ---- what went wrong ---- */

static bool is_given(const struct propath_step *step, const char *name)
{
    for (size_t i = 0; i < step->count; i++)
        if (slice_equal_fold_str(step->pairs[i].name, name))
            return true;
    return false;
}

/* Which one was meant is not for the order of the items to say: taking away an Allow for a Deny opens a folder. */
static int report_several(struct cli *c, const struct edit_miss *miss)
{
    OWNED_TEXT_BUFFER keys = { 0 };
    struct conf_schema_attr attr;
    for (size_t i = 0; conf_schema_attr_at(miss->item, i, &attr); i++)
        if (attr.key && !is_given(miss->step, attr.name))
            text_addf(&keys, "%s%s", keys.len ? ", " : "", attr.name);
    return cli_error(c, EXIT_BAD_PARAMETER, "More than one collection element matches: say which with %s%sits position, [@N,...].",
                     text_str(&keys), keys.len ? " as well, or with " : "");
}

static int report_missing(struct cli *c, int err, const struct edit_miss *miss)
{
    if (err == ERR_EXISTS)
        return report_several(c, miss);
    if (err != ERR_NOT_FOUND)
        return cli_failed(c, cli_exit_of(err), "%s", err_text(err));
    if (miss->name.len)
        return cli_unknown_attribute(c, miss->name);
    return cli_error(c, EXIT_NO_ELEMENT, "Cannot find requested collection element.");
}

/* "sites" holds no items of a deeper level, so nothing there could be changed or added. */
static bool is_servers_alone(const struct edit_place *place, const struct diag *d)
{
    return place->path.len && (strstr(d->todo, "allowDefinition") || slice_equal_str(place->section, SITES_SECTION));
}

/* IIS's text, then where the lock is, or that the section belongs to the server. */
static int report_locked(struct cli *c, const struct edit_place *place, const struct diag *d)
{
    OWNED_TEXT_BUFFER where = { 0 };
    if (is_servers_alone(place, d))
        text_addf(&where, "\nThe section " SLICE_FMT " is the server's alone (allowDefinition of its declaration): give the command "
                  "without \"" SLICE_FMT "\".", SLICE_ARG(place->section), SLICE_ARG(place->path));
    else if (strcmp(d->what, "Lock violation") == 0) {
        text_add_char(&where, '\n');
        diag_print(d, &where);
    }
    return cli_failed(c, EXIT_LOCKED, "This configuration section cannot be used at this path. This happens when the "
                      "section is locked at a parent level. Locking is either by default (overrideModeDefault=\"Deny\"), "
                      "or set explicitly by a location tag with overrideMode=\"Deny\" or the legacy "
                      "allowOverride=\"false\".%s", where.len ? text_str(&where) : "");
}

static int report_set(struct cli *c, const struct edit_place *place, int err, const struct diag *d)
{
    return err == ERR_LOCKED || is_servers_alone(place, d) ? report_locked(c, place, d) : cli_failed_diag(c, err, d);
}

/* The pair that names no attribute of the item: what a collection accepts is known only by trying. */
static const struct conf_pair *unknown_pair(const struct conf_pair *pairs, size_t count, const struct diag *d)
{
    for (size_t i = 0; i < count; i++) {
        OWNED_TEXT_BUFFER text = { 0 };
        text_addf(&text, "Unrecognized attribute '" SLICE_FMT "'", SLICE_ARG(pairs[i].name));
        if (strstr(d->what, text_str(&text)))
            return &pairs[i];
    }
    return NULL;
}

static int report_add(struct cli *c, const struct edit_place *place, int err, const char *item, const struct conf_pair *pairs, size_t count,
                      const struct diag *d)
{
    const struct conf_pair *unknown = unknown_pair(pairs, count, d);
    if (err == ERR_LOCKED)
        return report_locked(c, place, d);
    if (unknown)
        return cli_unknown_attribute(c, unknown->name);
    if (err == ERR_EXISTS || strcasestr(d->what, "missing required attribute"))
        return cli_error(c, err == ERR_EXISTS ? EXIT_DUPLICATE : EXIT_BAD_PARAMETER,
                         "New %s object missing required attributes. %s\n\n.", item, d->what);
    return cli_failed_diag(c, err, d);
}

/* ---- the edits ---- */

static const struct propath_step *last_of(const struct propath *p)
{
    return &p->steps[p->count - 1];
}

static int add_item(struct cli *c, const struct edit_place *place, struct conf_element *collection, const struct propath_step *step)
{
    struct conf_pair pairs[PROPATH_PAIRS];
    struct diag d = { 0 };
    const char *item = conf_schema_item_name(collection);
    if (!item || step->count == 0)
        return cli_error(c, EXIT_BAD_PARAMETER, "%s", malformed);
    long position = step->position == PROPATH_NO_POSITION ? PROPATH_END : step->position;
    size_t count = pairs_of(collection, step, pairs);
    int err = conf_add(c->conf, collection, pairs, count, position, &d);
    return err ? report_add(c, place, err, item, pairs, count, &d) : EXIT_OK;
}

static int remove_item(struct cli *c, const struct edit_place *place, struct conf_element *collection, const struct propath_step *step)
{
    struct diag d = { 0 };
    struct edit_miss miss = { .step = step };
    int err = item_of(collection, step, false, &miss.item);
    if (err)
        return report_missing(c, err, &miss);
    err = conf_remove(c->conf, miss.item, &d);
    return err ? report_set(c, place, err, &d) : EXIT_OK;
}

/* "-name": the explicit value of an attribute, or what a collection holds. */
static int remove_named(struct cli *c, const struct edit_place *place, struct conf_element *e, struct slice name)
{
    struct diag d = { 0 };
    const char *attribute = edit_attribute_name(e, name);
    struct conf_element *child = attribute ? NULL : child_of(e, name);
    if (!attribute && (!child || !conf_schema_item_name(child)))
        return cli_unknown_attribute(c, name);
    int err = attribute ? conf_unset(c->conf, e, attribute, &d) : conf_clear_collection(c->conf, child, &d);
    return err ? report_set(c, place, err, &d) : EXIT_OK;
}

static int set_named(struct cli *c, const struct edit_place *place, struct conf_element *e, const struct arg_param *param, struct slice name)
{
    struct diag d = { 0 };
    const char *attribute = edit_attribute_name(e, name);
    if (!attribute)
        return cli_unknown_attribute(c, name);
    if (!param->has_value)
        return cli_error(c, EXIT_BAD_PARAMETER, "Parameter \"" SLICE_FMT "\" must have a value.",
                         SLICE_ARG(param->name));
    int err = conf_set(c->conf, e, attribute, param->value, &d);
    return err ? report_set(c, place, err, &d) : EXIT_OK;
}

int edit_apply(struct cli *c, const struct edit_place *place, const struct arg_param *param)
{
    struct propath path;
    if (propath_parse(param->name, &path) != 0)
        return slice_has_byte(param->name, '[') ? cli_error(c, EXIT_BAD_PARAMETER, "%s", malformed)
                                                : cli_unknown_attribute(c, param->name);
    const struct propath_step *last = last_of(&path);
    bool is_index = last->kind == PROPATH_INDEX;
    if ((path.sign == '+' && !is_index) || (path.sign == 0 && is_index) || (path.sign && is_index && param->has_value))
        return cli_error(c, EXIT_BAD_PARAMETER, "%s", malformed);
    if (path.sign == '-' && param->has_value)
        return cli_error(c, EXIT_BAD_PARAMETER, "Parameter \"" SLICE_FMT "\" removes what is set and takes no value.",
                         SLICE_ARG(param->name));

    struct conf_element *parent = NULL;
    struct edit_miss miss = { 0 };
    int err = edit_find(c->conf, place, path.steps, path.count - 1, &parent, &miss);
    if (err)
        return report_missing(c, err, &miss);
    if (path.sign == '+')
        return add_item(c, place, parent, last);
    if (path.sign == '-')
        return is_index ? remove_item(c, place, parent, last) : remove_named(c, place, parent, last->name);
    return set_named(c, place, parent, param, last->name);
}

/* Whether the parameter is an edit: not the row's own, not a general one, not /site.name:X. */
bool edit_is_edit(const struct cli *c, const struct arg_param *p)
{
    if (!p->is_property && (verb_param_find(c->row, p->name) || general_param_find(p->name)))
        return false;
    return !(c->identifier.ptr && p->value.ptr == c->identifier.ptr);
}

size_t edit_count(const struct cli *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->args.param_count; i++)
        count += edit_is_edit(c, &c->args.params[i]);
    return count;
}

int edit_apply_all(struct cli *c, const struct edit_place *place)
{
    for (size_t i = 0; i < c->args.param_count; i++) {
        const struct arg_param *p = &c->args.params[i];
        int code = edit_is_edit(c, p) ? edit_apply(c, place, p) : EXIT_OK;
        if (code)
            return code;
    }
    return EXIT_OK;
}

static int find_child(struct cli *c, const struct edit_place *place, const char *child, struct conf_element **e_out)
{
    struct edit_miss miss = { 0 };
    struct conf_element *e = NULL;
    int err = edit_find(c->conf, place, NULL, 0, &e, &miss);
    if (err)
        return report_missing(c, err, &miss);
    *e_out = child ? conf_child(e, child) : e;
    return *e_out ? EXIT_OK : cli_unknown_attribute(c, slice_str(child));
}

int edit_set(struct cli *c, const struct edit_place *place, const char *child, const char *attribute,
             struct slice value)
{
    struct conf_element *e = NULL;
    struct diag d = { 0 };
    int code = find_child(c, place, child, &e);
    if (code)
        return code;
    int err = conf_set(c->conf, e, attribute, value, &d);
    return err ? report_set(c, place, err, &d) : EXIT_OK;
}

int edit_add(struct cli *c, const struct edit_place *place, const char *child, const struct conf_pair *pairs,
             size_t count, struct slice shown)
{
    struct conf_element *collection = NULL, *same;
    struct diag d = { 0 };
    int code = find_child(c, place, child, &collection);
    if (code)
        return code;
    const char *item = conf_schema_item_name(collection);
    bool is_taken = shown.ptr && conf_find(collection, pairs, 1, &same) == 0; /* its name, that is, and not its id, say */
    int err = conf_add(c->conf, collection, pairs, count, PROPATH_END, &d);
    if (err == ERR_EXISTS && is_taken)
        return cli_error(c, EXIT_DUPLICATE, "Failed to add duplicate collection element \"" SLICE_FMT "\".",
                         SLICE_ARG(shown));
    if (err == ERR_EXISTS && shown.ptr)
        return cli_failed_diag(c, err, &d);
    return err ? report_add(c, place, err, item ? item : "add", pairs, count, &d) : EXIT_OK;
}
