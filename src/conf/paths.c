/* paths.c - sallyport/paths as a path map. */
#include "conf/paths.h"

#define DRIVE_C "/var/lib/sallyport/c"

typedef int path_map_adder(struct path_map *m, struct slice name, struct slice value);

static const struct {
    const char *section, *name, *value;
    bool is_place;
    path_map_adder *add;
} lists[] = {
    { "sallyport/paths/drives",    "drive", "path",  true,  path_map_drive    },
    { "sallyport/paths/shares",    "share", "path",  true,  path_map_share    },
    { "sallyport/paths/variables", "name",  "value", false, path_map_variable },
};

/* "sallyport/paths" is the section, the rest its child. */
static struct conf_element *list_of(struct conf *c, const char *path)
{
    struct conf_element *e;
    struct slice section = slice_str(path);
    section.len = slice_find_last(section, '/');
    return conf_section(c, section, SLICE_NONE, &e) ? NULL : conf_child(e, path + section.len + 1);
}

static MUST_USE int add_all(struct conf *c, struct slice directory, struct path_map *m, size_t which)
{
    struct conf_element *e = list_of(c, lists[which].section);
    int err = 0;
    for (size_t i = 0; e && i < conf_count(e) && !err; i++) {
        struct conf_element *item = conf_item(e, i);
        struct slice text = conf_text(item, lists[which].value);
        OWNED_TEXT_BUFFER absolute = { 0 };
        if (lists[which].is_place && !slice_starts(text, SLICE_LITERAL("/"))) {
            text_add(&absolute, directory);
            text_add_char(&absolute, '/');
        }
        text_add(&absolute, text);
        err = text_error(&absolute);
        if (!err)
            err = lists[which].add(m, conf_text(item, lists[which].name), text_slice(&absolute));
    }
    return err;
}

int paths_open(struct conf *c, struct slice directory, struct path_map **map_out)
{
    struct path_map *m = path_map_new();
    if (!m)
        return ERR_NOMEM;
    int err = path_map_drive(m, SLICE_LITERAL("C:"), SLICE_LITERAL(DRIVE_C));
    for (size_t i = 0; i < sizeof lists / sizeof *lists && !err; i++)
        err = add_all(c, directory, m, i);
    if (err)
        path_map_free(m);
    else
        *map_out = m;
    return err;
}
