/* columns.c - filling rows from the column lists of snapshot.h: no setting has code of its own. */
#include "loader/compile_priv.h"

#include <stdio.h>

/* Every list whose columns name an attribute, with the element that their paths stand below. */
#define LISTS(L)                                                          \
    L(site, SNAP_SITE_SETTINGS, "system.applicationHost/sites/site")      \
    L(site, SNAP_SITE_SALLYPORT, "sallyport/sites/site")                  \
    L(site, SNAP_SITE_SALLYPORT, "sallyport/siteDefaults")                \
    L(server, SNAP_SERVER_SETTINGS, "")                                   \
    L(ad, SNAP_AD_SETTINGS, "")                                           \
    L(home_login, SNAP_HOME_LOGIN_COLUMNS, "system.applicationHost/sites/site") \
    L(server, SNAP_SERVER_SALLYPORT, "")                                  \
    L(rule, SNAP_RULE_COLUMNS, "system.ftpServer/security/authorization/add") \
    L(address_scope, SNAP_ADDRESS_SCOPE_COLUMNS, "system.ftpServer/security/ipSecurity") \
    L(address, SNAP_ADDRESS_COLUMNS, "system.ftpServer/security/ipSecurity/add") \
    L(command, SNAP_COMMAND_COLUMNS, "system.applicationHost/sites/site/ftpServer/security/commandFiltering/add") \
    L(filter, SNAP_FILTER_COLUMNS, "system.ftpServer/security/requestFiltering") \
    L(extension, SNAP_EXTENSION_COLUMNS, "system.ftpServer/security/requestFiltering/fileExtensions/add") \
    L(segment, SNAP_SEGMENT_COLUMNS, "system.ftpServer/security/requestFiltering/hiddenSegments/add") \
    L(sequence, SNAP_SEQUENCE_COLUMNS, "system.ftpServer/security/requestFiltering/denyUrlSequences/add") \
    L(external, SNAP_EXTERNAL_COLUMNS, "sallyport/sites/site/externalAddresses/add") \
    L(external, SNAP_EXTERNAL_COLUMNS, "sallyport/externalAddresses/add") \
    L(user, SNAP_USER_COLUMNS, "system.webServer/management/authentication/credentials/add")

static int store_text(struct compiler *c, const struct conf_value *v, void *to)
{
    struct snap_text t = snapshot_put_text(c->w, v->text);
    memcpy(to, &t, sizeof t);
    return 0;
}

static int store_number(const struct conf_value *v, enum snap_kind kind, void *to)
{
    if (kind == SNAP_KIND_n || kind == SNAP_KIND_t) {
        memcpy(to, &v->number, sizeof v->number);
        return 0;
    }
    if (v->number < 0 || v->number > UINT32_MAX)
        return ERR_RANGE;
    uint32_t number = (uint32_t)v->number;
    memcpy(to, &number, sizeof number);
    return 0;
}

static bool is_place(const struct snap_column *column)
{
    return strcmp(column->attribute, "@") == 0;
}

static void put_origin(struct compiler *c, const struct snap_column *column, const struct conf_value *v,
                       struct snap_range *origins)
{
    if (!origins || v->origin == CONF_DEFAULT)
        return;
    const struct snap_origin origin = { .column = (uint32_t)column->offset,
                                        .source = snap_source(v->source, v->line) };
    scopes_extend(origins, snapshot_put_row(c->w, SNAP_TABLE_origin, &origin));
}

static int fill_one(struct compiler *c, struct conf_element *e, const struct snap_column *column, void *row,
                    struct snap_range *origins)
{
    struct conf_value v;
    char *to = (char *)row + column->offset;
    if (e && is_place(column)) {
        uint32_t source = compile_source(e, NULL);
        memcpy(to, &source, sizeof source);
        return 0;
    }
    if (!e || conf_attr(e, column->attribute, &v))
        return ERR_UNSUPPORTED;
    put_origin(c, column, &v, origins);
    if (v.encrypted)
        return 0;
    return column->kind == SNAP_KIND_s ? store_text(c, &v, to) : store_number(&v, column->kind, to);
}

void columns_fill_from(struct compiler *c, struct conf_element *root, const struct snap_column *columns, size_t count,
                       void *row, struct snap_range *origins)
{
    struct conf_element *e = NULL;
    const char *path = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!columns[i].attribute[0])
            continue; /* computed */
        if (!path || strcmp(path, columns[i].path) != 0) {
            path = columns[i].path;
            if (!root)
                e = compile_element(c, path, SLICE_NONE);
            else
                e = path[0] ? conf_child(root, path) : root;
        }
        if (fill_one(c, e, &columns[i], row, origins)) {
            struct diag d = { 0 };
            diag_set(&d, "internal: no schema for %s/@%s, or its value does not fit", path, columns[i].attribute);
            report_add(c->report, LOADER_ERROR, 0, &d);
        }
    }
}

void columns_fill(struct compiler *c, struct conf_element *root, const struct snap_column *columns, size_t count, void *row)
{
    columns_fill_from(c, root, columns, count, row, NULL);
}

static bool is_column(const char *below, const struct snap_column *column, const char *element, const char *attribute)
{
    char path[256];
    if (!column->attribute[0] || strcmp(column->attribute, attribute) != 0)
        return false;
    snprintf(path, sizeof path, "%s%s%s", below, below[0] && column->path[0] ? "/" : "", column->path);
    return strcmp(path, element) == 0;
}

bool columns_have(const char *element, const char *attribute)
{
#define LOOK(table, LIST, below)                                                        \
    {                                                                                   \
        typedef struct snap_##table row;                                                \
        static const struct snap_column columns[] = { LIST(SNAP_COLUMN) };              \
        for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)                 \
            if (is_column(below, &columns[i], element, attribute))                      \
                return true;                                                            \
    }
    LISTS(LOOK)
#undef LOOK
    return false;
}
