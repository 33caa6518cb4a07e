/*
 * graft.c - from XML nodes to edits.
 *
 * Every edit invalidates the elements of conf.h, so the way down is kept as steps and walked anew for each.
 */
#include "cli/graft.h"

#include "base/own.h"

struct graft {
    struct cli *c;
    const struct edit_place *place;
    const struct xml *x;
    struct propath path; /* from the place to where we are */
};

static int here(struct graft *g, struct conf_element **element_out)
{
    int err = edit_find(g->c->conf, g->place, g->path.steps, g->path.count, element_out, NULL);
    return err ? cli_failed(g->c, cli_exit_of(err), "%s", err_text(err)) : EXIT_OK;
}

static int step_into(struct graft *g, struct propath_step step)
{
    if (g->path.count == PROPATH_STEPS)
        return cli_failed(g->c, EXIT_BAD_DATA, "Elements are nested too deep");
    g->path.steps[g->path.count++] = step;
    return EXIT_OK;
}

static int refuse_node(struct graft *g, uint32_t node)
{
    struct slice name = xml_name(g->x, node);
    return cli_failed(g->c, EXIT_BAD_DATA, "Unrecognized element '" SLICE_FMT "'", SLICE_ARG(name));
}

static int set_attributes(struct graft *g, uint32_t node, graft_skip *skip)
{
    const struct xml_node *n = &g->x->nodes[node];
    for (uint32_t i = 0; i < n->attr_count; i++) {
        struct slice name = xml_attr_name(g->x, n->attr + i);
        struct conf_element *e = NULL;
        struct diag d = { 0 };
        if (skip && skip(name))
            continue;
        int code = here(g, &e);
        OWNED_TEXT copy = strndup(name.ptr, name.len);
        if (code || !copy)
            return code ? code : 14;
        int err = conf_set(g->c->conf, e, copy, xml_attr_text(g->x, n->attr + i), &d);
        if (err)
            return cli_failed_diag(g->c, err, &d);
    }
    return EXIT_OK;
}

static size_t pairs_of(struct graft *g, uint32_t node, struct conf_pair *pairs)
{
    const struct xml_node *n = &g->x->nodes[node];
    size_t count = 0;
    for (uint32_t i = 0; i < n->attr_count && count < PROPATH_PAIRS; i++)
        pairs[count++] = (struct conf_pair){ xml_attr_name(g->x, n->attr + i), xml_attr_text(g->x, n->attr + i) };
    return count;
}

static int do_children(struct graft *g, uint32_t node);

static int do_item_children(struct graft *g, uint32_t node, size_t at, bool sets_attributes)
{
    int code = step_into(g, (struct propath_step){ .kind = PROPATH_INDEX, .position = (long)at });
    if (code)
        return code;
    if (sets_attributes)
        code = set_attributes(g, node, NULL);
    if (!code)
        code = do_children(g, node);
    g->path.count--;
    return code;
}

/* Whether the item has the whole key that the node says; what it leaves out is the default. */
static bool has_key_of(struct graft *g, struct conf_element *item, uint32_t node)
{
    struct conf_schema_attr attr;
    for (size_t i = 0; conf_schema_attr_at(item, i, &attr); i++) {
        struct conf_pair pair = { slice_str(attr.name), xml_attr_or(g->x, node, attr.name, slice_str(attr.default_text)) };
        if (attr.key && !conf_item_matches(item, &pair, 1))
            return false;
    }
    return true;
}

/* What a result set says of an item that stands here already is said of that one: a fresh instance has some. */
static int add_item(struct graft *g, struct conf_element *collection, uint32_t node)
{
    struct conf_pair pairs[PROPATH_PAIRS];
    struct diag d = { 0 };
    int err = conf_add(g->c->conf, collection, pairs, pairs_of(g, node, pairs), PROPATH_END, &d);
    /* A section that stands in another file was moved for the edit, and back: its elements ended with that. */
    int code = err == ERR_EXISTS ? here(g, &collection) : EXIT_OK;
    if (code)
        return code;
    for (size_t i = 0; err == ERR_EXISTS && i < conf_count(collection); i++)
        if (conf_is_local(conf_item(collection, i)) && has_key_of(g, conf_item(collection, i), node))
            return do_item_children(g, node, i, true);
    if (err)
        return cli_failed_diag(g->c, err, &d);
    if (g->x->nodes[node].first == XML_NONE)
        return EXIT_OK;
    code = here(g, &collection);
    return code ? code : do_item_children(g, node, conf_count(collection) - 1, false);
}

static int do_directive(struct graft *g, struct conf_element *collection, uint32_t node)
{
    struct conf_pair pairs[PROPATH_PAIRS];
    struct conf_element *item = NULL;
    struct diag d = { 0 };
    struct slice name = xml_name(g->x, node);
    int err;
    if (slice_equal_str(name, "clear"))
        err = conf_clear_collection(g->c->conf, collection, &d);
    else if (!slice_equal_str(name, "remove"))
        return refuse_node(g, node);
    else if (conf_find(collection, pairs, pairs_of(g, node, pairs), &item) != 0)
        return EXIT_OK; /* what is not there need not be taken away */
    else
        err = conf_remove(g->c->conf, item, &d);
    return err ? cli_failed_diag(g->c, err, &d) : EXIT_OK;
}

static bool has_child(struct conf_element *e, struct slice name)
{
    const char *child;
    bool is_collection;
    for (size_t i = 0; (child = conf_schema_child_at(e, i, &is_collection)) != NULL; i++)
        if (slice_equal_str(name, child))
            return true;
    return false;
}

static int do_node(struct graft *g, uint32_t node)
{
    struct conf_element *e = NULL;
    struct slice name = xml_name(g->x, node);
    int code = here(g, &e);
    if (code)
        return code;
    const char *item = conf_schema_item_name(e);
    if (item && slice_equal_str(name, item))
        return add_item(g, e, node);
    if (!has_child(e, name))
        return item ? do_directive(g, e, node) : refuse_node(g, node);
    code = step_into(g, (struct propath_step){ .kind = PROPATH_NAME, .name = name });
    if (code)
        return code;
    code = set_attributes(g, node, NULL);
    if (!code)
        code = do_children(g, node);
    g->path.count--;
    return code;
}

static int do_children(struct graft *g, uint32_t node)
{
    int code = EXIT_OK;
    for (uint32_t n = g->x->nodes[node].first; !code && n != XML_NONE; n = g->x->nodes[n].next)
        code = do_node(g, n);
    return code;
}

int graft_node(struct cli *c, const struct edit_place *place, const struct xml *x, uint32_t node, graft_skip *skip)
{
    struct graft *g = calloc(1, sizeof *g);
    if (!g)
        return 14;
    g->c = c;
    g->place = place;
    g->x = x;
    int code = set_attributes(g, node, skip);
    if (!code)
        code = do_children(g, node);
    free(g);
    return code;
}
