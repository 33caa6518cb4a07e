/* redirection.c - see redirection.h. */
#include "conf/redirection.h"

#include <stdlib.h>

#include "conf/conf_priv.h"
#include "conf/paths.h"

void redirection_free(struct redirection *r)
{
    text_free(&r->folder);
}

static void tell(struct conf_element *e, const char *attribute, int severity, conf_report *report, void *context,
                 const char *what, const char *todo)
{
    struct conf_value v;
    struct diag d = { 0 };
    bool is_written = conf_attr(e, attribute, &v) == 0 && v.origin != CONF_DEFAULT;
    diag_place(&d, SLICE_LITERAL(REDIRECTION_FILE), is_written ? v.line : 0, is_written ? v.column : 0);
    diag_path(&d, "configurationRedirection");
    diag_set(&d, "%s", what);
    diag_todo(&d, "%s", todo);
    report(context, severity, &d);
}

/* The folder on this machine. */
static MUST_USE int resolve(struct conf_element *e, struct slice sallyport, struct slice directory, conf_report *report,
                            void *context, struct text *out)
{
    struct slice bytes[CONF_FILE_COUNT] = { [CONF_SALLYPORT] = sallyport };
    struct conf *local = NULL;
    struct path_map *map = NULL;
    struct diag d = { 0 };
    int err = conf_open(bytes, report, context, &local);
    if (!err)
        err = paths_open(local, directory, &map);
    if (!err) {
        err = path_map_resolve(map, conf_text(e, "path"), out, &d);
        if (err)
            tell(e, "path", 0, report, context, d.what, d.todo[0] ? d.todo : "Map the share in sallyport.config, sallyport/paths");
    }
    path_map_free(map);
    conf_free(local);
    return err;
}

static MUST_USE int read_section(struct conf *c, struct slice sallyport, struct slice directory, conf_report *report,
                                 void *context, struct redirection *out)
{
    struct conf_element *e;
    int err = conf_section(c, SLICE_LITERAL("configurationRedirection"), SLICE_NONE, &e);
    if (err || !conf_number(e, "enabled"))
        return err;
    if (conf_text(e, "userName").len)
        tell(e, "userName", 1, report, context, "The account for the share is not used: the share is read as it is mounted",
             "Mount it with the credentials it needs");
    err = resolve(e, sallyport, directory, report, context, &out->folder);
    if (err)
        return err;
    int64_t period = conf_number(e, "pollingPeriod");
    out->enabled = true;
    if (conf_number(e, "enableUncPolling"))
        out->poll_seconds = period < 1 ? 1 : period > 86400 ? 86400 : (unsigned)period;
    return 0;
}

int redirection_read(struct slice bytes, struct slice sallyport, struct slice directory, conf_report *report, void *context,
                     struct redirection *out)
{
    struct redirection r = { 0 };
    if (!bytes.ptr) {
        *out = r;
        return 0;
    }
    struct conf *c = conf_new();
    if (!c)
        return ERR_NOMEM;
    struct slice all[CONF_FILE_COUNT] = { [CONF_APPLICATION_HOST] = bytes };
    struct sink s = { .report = report, .context = context };
    c->is_redirection = true;
    c->disk[CONF_APPLICATION_HOST].path = strdup(REDIRECTION_FILE);
    int err = c->disk[CONF_APPLICATION_HOST].path ? conf_fill(c, all, &s) : ERR_NOMEM;
    if (!err)
        err = read_section(c, sallyport, directory, report, context, &r);
    conf_free(c);
    if (err)
        redirection_free(&r);
    else
        *out = r;
    return err;
}
