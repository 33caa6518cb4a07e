/* site.h - what handlers of several objects need to know of sites, applications and virtual directories. */
#pragma once

#include "cli/cli.h"
#include "cli/edit.h"

#define SITES_SECTION "system.applicationHost/sites"

/* The site of that name (no regard to case), NULL if there is none.  The configuration must be open. */
struct conf_element *site_find(struct cli *c, struct slice name);

/* "MySite/app/sub" in parts: `site` is MySite, `path` is "/app/sub" ("/" when nothing follows). */
void site_split(struct slice identifier, struct slice *site_out, struct slice *path_out);

/* The place [name='site'] in the sites section, then [path='app'], then [path='vdir']; empty slices end it. */
struct edit_place site_place(struct slice site, struct slice app, struct slice vdir);

/* The lines that deleting the site's applications and virtual directories is worth, each with its line break. */
void vdir_add_deleted(struct conf_element *site, struct text *out);

/* The identifiers of the site's applications, and of the virtual directories of a site or of an application (ptr NULL: of any), a
 * line each.  Reports E1 for what is not there. */
MUST_USE int app_names_of_site(struct cli *c, struct slice site, struct text *names_out);
MUST_USE int vdir_names_of(struct cli *c, struct slice site, struct slice app, struct text *names_out);

/* The configuration path that a URL names by the bindings of the sites: "http://localhost/app1", "ftp://host:2121/in".
 * An exact host name goes before a binding without one.  E1 when no site answers there. */
bool site_is_url(struct slice identifier);
MUST_USE int site_path_of_url(struct cli *c, struct slice url, struct text *path_out);

/* A configuration path from what a person writes: "", "Site/", "Site/dir", "MACHINE/WEBROOT/APPHOST/Site", with the
 * site's name spelled as configured.  Reports E1 for a site that does not exist. */
MUST_USE int site_path(struct cli *c, struct slice identifier, struct text *path_out);
/* The same where settings are read or written: a site without a root has no such path, as in IIS, and that is reported. */
MUST_USE int site_config_path(struct cli *c, struct slice identifier, struct text *path_out);
