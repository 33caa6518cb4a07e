/*
 * orphans.c - what is written for a site that does not exist: it has no effect, and nothing else says so.
 *
 * IIS keeps location tags and permissions under the name of a site and leaves them there when the site gets another
 * name; what protected the site then protects nothing.  A site without FTP is a site: what concerns it is not ours.
 *
 * Names are compared as by what uses them, by fold.h.
 */
#include <stdlib.h>

#include "base/fold.h"
#include "base/own.h"
#include "loader/compile_priv.h"

enum { ORPHANS_TOLD = 20 };

struct orphans {
    struct compiler *c;
    char **folded; /* the names of all sites, ordered */
    size_t count, told;
    struct slice last; /* path of the tag told last: one line for all of its sections */
};

static int compare_folded(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Without memory nothing is told. */
static bool has_site(const struct orphans *o, struct slice name)
{
    OWNED_TEXT folded = fold_copy(name);
    return !folded || bsearch(&folded, o->folded, o->count, sizeof *o->folded, compare_folded) != NULL;
}

static struct slice first_segment(struct slice path)
{
    while (slice_starts(path, SLICE_LITERAL("/")))
        path = slice_from(path, 1);
    return slice_first(path, slice_find(path, '/'));
}

static void tell(struct orphans *o, struct diag *d, struct slice site, const char *what)
{
    if (o->told++ >= ORPHANS_TOLD)
        return;
    diag_set(d, "there is no site \"" SLICE_FMT "\": %s", SLICE_ARG(site), what);
    report_add(o->c->report, LOADER_WARNING, 0, d);
}

static void look_at_settings(struct orphans *o)
{
    struct conf_element *sites = compile_element(o->c, "sallyport/sites", SLICE_NONE);
    for (size_t i = 0; sites && i < conf_count(sites); i++) {
        struct conf_element *item = conf_item(sites, i);
        struct slice name = conf_text(item, "name");
        struct diag d = { 0 };
        if (has_site(o, name))
            continue;
        compile_place(item, "name", &d);
        tell(o, &d, name, "these settings have no effect");
    }
}

static void look_at_scopes(struct orphans *o)
{
    struct conf_element *scopes = compile_element(o->c, "system.webServer/management/authorization/authorizationRules", SLICE_NONE);
    for (size_t i = 0; scopes && i < conf_count(scopes); i++) {
        struct conf_element *scope = conf_item(scopes, i);
        struct slice site = first_segment(conf_text(scope, "path"));
        struct diag d = { 0 };
        if (!site.len || has_site(o, site))
            continue;
        compile_place(scope, "path", &d);
        tell(o, &d, site, "these permissions have no effect");
    }
}

static void look_at_tag(void *context, const char *section, struct slice path, const struct diag *place)
{
    struct orphans *o = context;
    struct slice site = first_segment(path);
    struct diag d = *place;
    if (strncmp(section, "system.ftpServer/", 17) != 0 || has_site(o, site) || fold_same(path, o->last))
        return;
    o->last = path;
    diag_path(&d, "%s", section);
    tell(o, &d, site, "what its location tag says has no effect");
}

static int read_names(struct orphans *o, struct conf_element *sites)
{
    o->folded = calloc(o->count + 1, sizeof *o->folded);
    if (!o->folded)
        return ERR_NOMEM;
    for (size_t i = 0; i < o->count; i++) {
        o->folded[i] = fold_copy(conf_text(conf_item(sites, i), "name"));
        if (!o->folded[i])
            return ERR_NOMEM;
    }
    qsort(o->folded, o->count, sizeof *o->folded, compare_folded);
    return 0;
}

static void free_names(struct orphans *o)
{
    for (size_t i = 0; o->folded && i < o->count; i++)
        free(o->folded[i]);
    free(o->folded);
}

int orphans_report(struct compiler *c)
{
    struct conf_element *sites = compile_element(c, "system.applicationHost/sites", SLICE_NONE);
    struct orphans o = { .c = c, .count = sites ? conf_count(sites) : 0 };
    int err = read_names(&o, sites);
    if (!err) {
        look_at_settings(&o);
        look_at_scopes(&o);
        conf_each_located(c->conf, look_at_tag, &o);
    }
    if (o.told > ORPHANS_TOLD) {
        struct diag d = { 0 };
        diag_set(&d, "%zu more name sites that do not exist", o.told - ORPHANS_TOLD);
        report_add(c->report, LOADER_WARNING, 0, &d);
    }
    free_names(&o);
    return err;
}
