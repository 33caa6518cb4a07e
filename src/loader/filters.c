/* filters.c - what a site refuses by name and size (requestFiltering) and by verb (commandFiltering). */
#include "loader/compile_priv.h"

#define REQUEST_FILTERING "system.ftpServer/security/requestFiltering"

static void put_items(struct compiler *c, struct conf_element *list, enum snap_table table,
                      const struct snap_column *columns, size_t count, void *row, size_t size, struct snap_range *range_out)
{
    for (size_t i = 0; list && i < conf_count(list); i++) {
        columns_fill(c, conf_item(list, i), columns, count, row);
        scopes_extend(range_out, snapshot_append_row(c->w, table, row, size));
    }
}

/* Every item of a collection as a row of `table`. */
#define ITEMS(table, COLUMNS)                                                                                     \
    static void put_##table##s(struct compiler *c, struct conf_element *list, struct snap_range *range_out)       \
    {                                                                                                             \
        typedef struct snap_##table row;                                                                          \
        static const struct snap_column columns[] = { COLUMNS(SNAP_COLUMN) };                                     \
        put_items(c, list, SNAP_TABLE_##table, columns, sizeof columns / sizeof columns[0], &(row){ 0 },          \
                  sizeof(row), range_out);                                                                        \
    }
ITEMS(extension, SNAP_EXTENSION_COLUMNS)
ITEMS(segment, SNAP_SEGMENT_COLUMNS)
ITEMS(sequence, SNAP_SEQUENCE_COLUMNS)
ITEMS(command, SNAP_COMMAND_COLUMNS)

static int put_filter(struct compiler *c, struct site_work *s, struct slice path, struct slice location)
{
    typedef struct snap_filter row;
    static const struct snap_column columns[] = { SNAP_FILTER_COLUMNS(SNAP_COLUMN) };
    struct conf_element *section = compile_element(c, REQUEST_FILTERING, location);
    struct snap_filter filter = { .path = snapshot_put_text(c->w, path) };
    if (!section)
        return ERR_UNSUPPORTED;
    columns_fill_from(c, section, columns, sizeof columns / sizeof columns[0], &filter, &filter.origins);
    put_extensions(c, conf_child(section, "fileExtensions"), &filter.extensions);
    put_segments(c, conf_child(section, "hiddenSegments"), &filter.segments);
    put_sequences(c, conf_child(section, "denyUrlSequences"), &filter.sequences);
    scopes_extend(&s->row.filters, snapshot_put_row(c->w, SNAP_TABLE_filter, &filter));
    return 0;
}

int filters_request(struct compiler *c, struct site_work *s)
{
    return scopes_each(c, s, REQUEST_FILTERING, put_filter);
}

int filters_command(struct compiler *c, struct site_work *s)
{
    put_commands(c, conf_child(s->site, "ftpServer/security/commandFiltering"), &s->row.commands);
    return 0;
}
