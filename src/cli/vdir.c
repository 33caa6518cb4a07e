/*
 * vdir.c - applications and virtual directories.
 *
 * An identifier is the site's name and a path: "MySite/" and "MySite/app" name applications; of a virtual directory the
 * longest application path that fits is split off first, the rest is its own path: "MySite/app/pub" is /pub in /app.
 */
#include "cli/listing.h"

#include "base/fold.h"
#include "base/own.h"
#include "cli/site.h"
#include "cli/table.h"

static const struct slice root = { "/", 1 };

static void add_identifier(struct text *out, struct slice site, struct slice app, struct slice vdir)
{
    text_add(out, site);
    if (!slice_equal(app, root) || !vdir.ptr || slice_equal(vdir, root))
        text_add(out, app);
    if (!vdir.ptr)
        return;
    if (!slice_equal(vdir, root))
        text_add(out, vdir);
    else if (!slice_equal(app, root))
        text_add_char(out, '/'); /* "MySite/app1/": the documents end it with a slash */
}

/* Identifiers compare without a slash at the end. */
static bool same_identifier(struct slice a, struct slice b)
{
    while (a.len && a.ptr[a.len - 1] == '/')
        a.len--;
    while (b.len && b.ptr[b.len - 1] == '/')
        b.len--;
    return fold_same(a, b);
}

/* ---- walking ---- */

struct visit {
    struct cli *c;
    struct slice wanted_site, wanted_app; /* ptr NULL: any */
    int (*app)(struct visit *v, struct conf_element *site, struct conf_element *app);
    int (*vdir)(struct visit *v, struct conf_element *site, struct conf_element *app, struct conf_element *vdir);
    struct conf_element *found_site, *found_app, *found_vdir; /* for searches */
    struct text *names; /* for names */
};

static int walk_app(struct visit *v, struct conf_element *site, struct conf_element *app)
{
    int code = v->app ? v->app(v, site, app) : EXIT_OK;
    for (size_t i = 0; !code && v->vdir && i < conf_count(app); i++)
        code = v->vdir(v, site, app, conf_item(app, i));
    return code;
}

static int walk(struct visit *v)
{
    struct conf_element *sites = NULL;
    int code = cli_open(v->c);
    if (code)
        return code;
    if (conf_section(v->c->conf, SLICE_LITERAL(SITES_SECTION), SLICE_LITERAL(""), &sites) != 0)
        return EXIT_OK;
    for (size_t s = 0; s < conf_count(sites); s++) {
        struct conf_element *site = conf_item(sites, s);
        if (v->wanted_site.ptr && !fold_same(v->wanted_site, conf_text(site, "name")))
            continue;
        for (size_t a = 0; !code && a < conf_count(site); a++)
            code = walk_app(v, site, conf_item(site, a));
    }
    return code;
}

/* ---- list ---- */

/* Listing compares names literally; an identifier with or without the last slash means the same. */
static int list_row(struct cli *c, const struct listed *row)
{
    if (c->identifier.ptr && !same_identifier(c->identifier, row->name))
        return EXIT_OK;
    struct slice kept = c->identifier;
    if (kept.ptr)
        c->identifier = row->name;
    int code = listing_row(c, row);
    c->identifier = kept;
    return code;
}

static int list_app(struct visit *v, struct conf_element *site, struct conf_element *app)
{
    OWNED_TEXT_BUFFER name = { 0 }, path = { 0 }, pool = { 0 }, site_name = { 0 };
    add_identifier(&name, conf_text(site, "name"), conf_text(app, "path"), SLICE_NONE);
    text_add(&path, conf_text(app, "path"));
    text_add(&pool, conf_text(app, "applicationPool"));
    text_add(&site_name, conf_text(site, "name"));
    struct listed row = {
        .tag = "APP", .name = text_slice(&name), .count = 3, .element = app,
        .attrs = { { "path", NULL, text_str(&path), false },
                   { "applicationPool", "APPPOOL.NAME", text_str(&pool), true },
                   { "site.name", "SITE.NAME", text_str(&site_name), false } },
    };
    return list_row(v->c, &row);
}

int app_list(struct cli *c)
{
    struct visit v = { .c = c, .wanted_site = cli_param(c, "site.name"), .app = list_app };
    int code = walk(&v);
    return code ? code : listing_end(c);
}

static int list_vdir(struct visit *v, struct conf_element *site, struct conf_element *app, struct conf_element *vdir)
{
    OWNED_TEXT_BUFFER name = { 0 }, path = { 0 }, folder = { 0 }, app_name = { 0 }, site_name = { 0 };
    add_identifier(&name, conf_text(site, "name"), conf_text(app, "path"), conf_text(vdir, "path"));
    add_identifier(&app_name, conf_text(site, "name"), conf_text(app, "path"), SLICE_NONE);
    if (v->wanted_app.ptr && !same_identifier(v->wanted_app, text_slice(&app_name)))
        return EXIT_OK;
    text_add(&path, conf_text(vdir, "path"));
    text_add(&folder, conf_text(vdir, "physicalPath"));
    text_add(&site_name, conf_text(site, "name"));
    struct listed row = {
        .tag = "VDIR", .name = text_slice(&name), .count = 4, .element = vdir,
        .attrs = { { "path", NULL, text_str(&path), false },
                   { "physicalPath", NULL, text_str(&folder), true },
                   { "app.name", "APP.NAME", text_str(&app_name), false },
                   { "site.name", "SITE.NAME", text_str(&site_name), false } },
    };
    return list_row(v->c, &row);
}

int vdir_list(struct cli *c)
{
    struct visit v = { .c = c, .wanted_app = cli_param(c, "app.name"), .vdir = list_vdir };
    int code = walk(&v);
    return code ? code : listing_end(c);
}

/* ---- finding one ---- */

static int match_app(struct visit *v, struct conf_element *site, struct conf_element *app)
{
    OWNED_TEXT_BUFFER name = { 0 };
    add_identifier(&name, conf_text(site, "name"), conf_text(app, "path"), SLICE_NONE);
    if (!same_identifier(text_slice(&name), v->wanted_app))
        return EXIT_OK;
    v->found_site = site;
    v->found_app = app;
    return EXIT_OK;
}

static int match_vdir(struct visit *v, struct conf_element *site, struct conf_element *app, struct conf_element *vdir)
{
    OWNED_TEXT_BUFFER name = { 0 };
    add_identifier(&name, conf_text(site, "name"), conf_text(app, "path"), conf_text(vdir, "path"));
    if (!same_identifier(text_slice(&name), v->wanted_app))
        return EXIT_OK;
    v->found_site = site;
    v->found_app = app;
    v->found_vdir = vdir;
    return EXIT_OK;
}

static int find_app(struct cli *c, struct slice identifier, struct visit *v)
{
    *v = (struct visit){ .c = c, .wanted_app = identifier, .app = match_app };
    int code = walk(v);
    return code || v->found_app ? code : cli_cannot_find(c, "APP", identifier);
}

static int find_vdir(struct cli *c, struct slice identifier, struct visit *v)
{
    *v = (struct visit){ .c = c, .wanted_app = identifier, .vdir = match_vdir };
    int code = walk(v);
    return code || v->found_vdir ? code : cli_cannot_find(c, "VDIR", identifier);
}

/* ---- the names of several ---- */

static int name_app(struct visit *v, struct conf_element *site, struct conf_element *app)
{
    add_identifier(v->names, conf_text(site, "name"), conf_text(app, "path"), SLICE_NONE);
    text_add_char(v->names, '\n');
    return EXIT_OK;
}

static int name_vdir(struct visit *v, struct conf_element *site, struct conf_element *app, struct conf_element *vdir)
{
    OWNED_TEXT_BUFFER app_name = { 0 };
    add_identifier(&app_name, conf_text(site, "name"), conf_text(app, "path"), SLICE_NONE);
    if (v->wanted_app.ptr && !same_identifier(v->wanted_app, text_slice(&app_name)))
        return EXIT_OK;
    add_identifier(v->names, conf_text(site, "name"), conf_text(app, "path"), conf_text(vdir, "path"));
    text_add_char(v->names, '\n');
    return EXIT_OK;
}

int app_names_of_site(struct cli *c, struct slice site, struct text *names_out)
{
    struct visit v = { .c = c, .wanted_site = site, .app = name_app, .names = names_out };
    int code = cli_open(c);
    if (!code && !site_find(c, site))
        return cli_cannot_find(c, "SITE", site);
    return code ? code : walk(&v);
}

int vdir_names_of(struct cli *c, struct slice site, struct slice app, struct text *names_out)
{
    struct visit found, v = { .c = c, .wanted_site = site, .wanted_app = app, .vdir = name_vdir, .names = names_out };
    int code = app.ptr ? find_app(c, app, &found) : cli_open(c);
    if (!code && site.ptr && !site_find(c, site))
        return cli_cannot_find(c, "SITE", site);
    return code ? code : walk(&v);
}

/* A place whose words outlive the edits. */
struct kept_place {
    char *words[3];
    struct edit_place place;
};

static void kept_place_free(struct kept_place *k)
{
    for (size_t i = 0; i < 3; i++)
        free(k->words[i]);
}

static int keep_place(const struct visit *v, struct kept_place *k)
{
    const struct slice words[] = { conf_text(v->found_site, "name"), conf_text(v->found_app, "path"),
                                   v->found_vdir ? conf_text(v->found_vdir, "path") : SLICE_NONE };
    for (size_t i = 0; i < 3; i++) {
        k->words[i] = strndup(words[i].ptr ? words[i].ptr : "", words[i].len);
        if (!k->words[i])
            return 14;
    }
    k->place = site_place(slice_str(k->words[0]), slice_str(k->words[1]), slice_str(k->words[2]));
    return EXIT_OK;
}

#define OWNED_PLACE __attribute__((cleanup(kept_place_free))) struct kept_place

/* ---- set, delete ---- */

/* As the configuration spells it. */
static void add_found(const struct visit *v, struct text *out)
{
    add_identifier(out, conf_text(v->found_site, "name"), conf_text(v->found_app, "path"),
                   v->found_vdir ? conf_text(v->found_vdir, "path") : SLICE_NONE);
}

static int set_found(struct cli *c, const struct visit *v, const char *tag)
{
    OWNED_PLACE kept = { 0 };
    OWNED_TEXT_BUFFER name = { 0 };
    add_found(v, &name);
    int code = keep_place(v, &kept);
    if (!code)
        code = edit_apply_all(c, &kept.place);
    if (!code)
        code = cli_save(c);
    if (!code)
        cli_say(c, "%s object \"%s\" changed", tag, text_str(&name));
    return code;
}

static void add_vdir_lines(struct conf_element *site, struct conf_element *app, struct text *out)
{
    for (size_t i = 0; i < conf_count(app); i++) {
        text_add_str(out, "VDIR object \"");
        add_identifier(out, conf_text(site, "name"), conf_text(app, "path"), conf_text(conf_item(app, i), "path"));
        text_add_str(out, "\" deleted\n");
    }
}

void vdir_add_deleted(struct conf_element *site, struct text *out)
{
    for (size_t i = 0; i < conf_count(site); i++) {
        struct conf_element *app = conf_item(site, i);
        text_add_str(out, "APP object \"");
        add_identifier(out, conf_text(site, "name"), conf_text(app, "path"), SLICE_NONE);
        text_add_str(out, "\" deleted\n");
        add_vdir_lines(site, app, out);
    }
}

static int delete_found(struct cli *c, const struct visit *v, struct conf_element *e, const char *tag)
{
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER lines = { 0 };
    if (!v->found_vdir)
        add_vdir_lines(v->found_site, v->found_app, &lines);
    text_addf(&lines, "%s object \"", tag);
    add_found(v, &lines);
    text_add_str(&lines, "\" deleted");
    int err = conf_remove(c->conf, e, &d);
    if (err)
        return cli_failed_diag(c, err, &d);
    int code = cli_save(c);
    if (!code)
        cli_say(c, "%s", text_str(&lines));
    return code;
}

int app_set(struct cli *c)
{
    struct visit v;
    int code = find_app(c, c->identifier, &v);
    return code ? code : set_found(c, &v, "APP");
}

int vdir_set(struct cli *c)
{
    struct visit v;
    int code = find_vdir(c, c->identifier, &v);
    return code ? code : set_found(c, &v, "VDIR");
}

int app_delete(struct cli *c)
{
    struct visit v;
    int code = find_app(c, c->identifier, &v);
    return code ? code : delete_found(c, &v, v.found_app, "APP");
}

int vdir_delete(struct cli *c)
{
    struct visit v;
    int code = find_vdir(c, c->identifier, &v);
    return code ? code : delete_found(c, &v, v.found_vdir, "VDIR");
}

/* ---- add ---- */

static int add_vdir_at(struct cli *c, const struct edit_place *app, struct slice path, struct slice folder,
                       struct slice shown)
{
    struct conf_pair pairs[] = { { SLICE_LITERAL("path"), path }, { SLICE_LITERAL("physicalPath"), folder } };
    return edit_add(c, app, NULL, pairs, folder.len ? 2 : 1, shown);
}

int app_add(struct cli *c)
{
    struct slice site_name = cli_param(c, "site.name"), path = cli_param(c, "path"),
                 folder = cli_param(c, "physicalPath");
    if (slice_is_empty(site_name) || slice_is_empty(path))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify /site.name: and /path:.");
    int code = cli_open(c);
    if (code)
        return code;
    struct conf_element *site = site_find(c, site_name);
    if (!site)
        return cli_cannot_find(c, "SITE", site_name);
    OWNED_TEXT_BUFFER canonical = { 0 }, identifier = { 0 };
    text_add(&canonical, conf_text(site, "name"));
    add_identifier(&identifier, text_slice(&canonical), path, SLICE_NONE);
    struct edit_place in_site = site_place(text_slice(&canonical), SLICE_NONE, SLICE_NONE);
    struct edit_place in_app = site_place(text_slice(&canonical), path, SLICE_NONE);
    struct conf_pair pairs[] = { { SLICE_LITERAL("path"), path } };
    code = edit_add(c, &in_site, NULL, pairs, 1, path);
    if (!code && folder.len)
        code = add_vdir_at(c, &in_app, root, folder, root);
    if (!code)
        code = edit_apply_all(c, &in_app);
    if (!code)
        code = cli_save(c);
    if (code)
        return code;
    cli_say(c, "APP object \"%s\" added", text_str(&identifier));
    if (folder.len) /* of the root application "MySite/" too it is "MySite/" */
        cli_say(c, "VDIR object \"%s%s\" added", text_str(&identifier), slice_ends(text_slice(&identifier), root) ? "" : "/");
    return EXIT_OK;
}

int vdir_add(struct cli *c)
{
    struct visit v;
    struct slice app_name = cli_param(c, "app.name"), path = cli_param(c, "path"), folder = cli_param(c, "physicalPath");
    if (slice_is_empty(app_name) || slice_is_empty(path))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify /app.name: and /path:.");
    int code = find_app(c, app_name, &v);
    if (code)
        return code;
    OWNED_PLACE kept = { 0 };
    OWNED_TEXT_BUFFER identifier = { 0 };
    code = keep_place(&v, &kept);
    if (code)
        return code;
    struct slice site = slice_str(kept.words[0]), app = slice_str(kept.words[1]);
    struct edit_place in_vdir = site_place(site, app, path);
    add_identifier(&identifier, site, app, path);
    code = add_vdir_at(c, &kept.place, path, folder, path);
    if (!code)
        code = edit_apply_all(c, &in_vdir);
    if (!code)
        code = cli_save(c);
    if (!code)
        cli_say(c, "VDIR object \"%s\" added", text_str(&identifier));
    return code;
}
