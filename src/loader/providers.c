/*
 * providers.c - what a site leaves to third-party providers, which this version cannot run.
 *
 * Such a site starts, says so, and refuses what the provider would have decided: logins that only it could accept,
 * everything that customAuthorization or a feature provider (before a command, behind it) would have had a say in.  With
 * allowUnenforcedSettings the last two are left out, as if they were not configured.
 */
#include "loader/compile_priv.h"

static void tell(struct compiler *c, struct site_work *s, struct conf_element *item, const char *what)
{
    struct diag d = { 0 };
    compile_place(item, "name", &d);
    d.path[0] = 0;
    diag_set(&d, "site \"" SLICE_FMT "\" names provider \"" SLICE_FMT "\", which this version cannot run: %s", SLICE_ARG(s->name),
             SLICE_ARG(conf_text(item, "name")),
             c->allow_unenforced ? "it is left out (allowUnenforcedSettings)" : what);
    if (!c->allow_unenforced)
        diag_todo(&d, "Remove it, or do without it by allowUnenforcedSettings=\"true\" in sallyport.config, sallyport/safety.");
    compile_tell(c, s, LOADER_WARNING, &d);
}

/* An entry counts when it has a name and is enabled; `enabled` is true by default while the name is empty (trap 1). */
static bool counts(struct conf_element *item)
{
    return item && conf_number(item, "enabled") && conf_text(item, "name").len;
}

int providers_site(struct compiler *c, struct site_work *s)
{
    struct conf_element *authorization = conf_child(s->site, "ftpServer/security/customAuthorization/provider");
    struct conf_element *features = conf_child(s->site, "ftpServer/customFeatures/providers");
    if (counts(authorization)) {
        tell(c, s, authorization, "every access is refused, sub-status 34");
        s->row.provider_gaps |= PROVIDER_GAP_AUTHORIZATION;
    }
    for (size_t i = 0; features && i < conf_count(features); i++) {
        if (!counts(conf_item(features, i)))
            continue;
        tell(c, s, conf_item(features, i), "every login is refused, sub-status 34");
        s->row.provider_gaps |= PROVIDER_GAP_FEATURES;
    }
    if (c->allow_unenforced)
        s->row.provider_gaps = 0;
    return 0;
}
