/*
 * compile_priv.h - what the parts of the compiler share.
 *
 *   compile.c     order of work, server level, sites      columns.c   settings by (element path, attribute)
 *   bindings.c    endpoints, clashes, implicit TLS         content.c   directories, authorization scopes, providers
 *   server_cert.c certificates by thumbprint               users.c     administration.config
 *   scopes.c      paths with their own form of a section   filters.c   request and command filtering
 *   addresses.c   ipSecurity                               firewall.c  data ports, external addresses
 *   client_cert.c stores and mappings for the certificates of clients
 *   ad.c          the directory of accounts              rule_names.c  authorization rules that mean nobody
 *   password.c    stored passwords in clear
 *   identity.c    homes in a directory, whose files accounts touch
 *   unenforced.c  settings that are understood but not enforced
 *   orphans.c     what names a site that does not exist
 */
#pragma once

#include "conf/conf.h"
#include "conf/map.h"
#include "loader/compile.h"
#include "loader/endpoint.h"
#include "conf/path_map.h"
#include "tls/cert.h"

/* Sub-status codes of ftp-behaviour.md 2.4 that say why a site or its TLS cannot start. */
enum {
    SUBSTATUS_INVALID_SITE = 17,
    SUBSTATUS_CERT_NOT_CONFIGURED = 31,
    SUBSTATUS_CERT_NOT_FOUND = 44,
    SUBSTATUS_CERT_NO_KEY = 45,
    SUBSTATUS_CERT_BAD_HASH = 46,
};

struct site_work {
    struct conf_element *site; /* sites/site */
    struct slice name;
    struct snap_site row;
    struct endpoint *endpoints;
    size_t endpoint_count;
    struct text failure; /* empty: the site can start */
};

enum { EXPIRY_WARNING = 30 * 86400 }; /* a certificate's end is told so many seconds before */

struct store {
    char name[64];
    struct cert_store *certs;
    uint32_t *rows; /* for each certificate: 1 + its row, 0 not put yet; NULL before the first */
};

struct compiler {
    const struct compile_input *in;
    struct report *report;
    struct conf *conf;
    struct snapshot_writer *w;
    struct path_map *paths;
    struct site_work *sites; /* those with an ftp binding */
    size_t site_count;
    struct store *stores;
    size_t store_count;
    bool allow_unenforced;
    bool needs_names; /* some ipSecurity has rules by domain name */
    bool has_directory; /* of accounts */
    struct membership *membership; /* NULL: no site uses it */
    bool membership_used;
    struct map roles; /* those put already */
    struct text trusted_issuers; /* cert_add_subjects of stores Root and CA, when a site sends them */
    bool has_fixed_accounts; /* of virtual directories, in some site */
};

/* ---- compile.c ---- */
/* The section named by the longest prefix of `path`, and the child that the rest names; NULL: no such section. */
struct conf_element *compile_element(struct compiler *c, const char *path, struct slice at);
/* Where an attribute stands, or where its element's name stands when it is a default. */
struct conf_element *compile_own_settings(struct compiler *c, struct slice site);
void compile_place(struct conf_element *e, const char *attribute, struct diag *d);
/* The same place as a source for rows; 0 for a default. */
uint32_t compile_source(struct conf_element *e, const char *attribute);
/* Tell about a site; a LOADER_ERROR keeps it from starting, the first such text is the row's failure. */
void compile_tell(struct compiler *c, struct site_work *s, enum loader_severity severity, const struct diag *d);

/* ---- columns.c ---- */
/* Fill the columns of `row` from `root`; a column's element path is below it (or, when root is NULL, from the section
 * on).  A column that the schema does not know is a defect of ours, and reported as an error.  A stored password stays
 * empty: whoever fills the row reads it (password_read), and decides what closes when it cannot be read. */
void columns_fill(struct compiler *c, struct conf_element *root, const struct snap_column *columns, size_t count, void *row);
/* The same, and an origin row for each of those settings that is written somewhere: *origins grows by them. */
void columns_fill_from(struct compiler *c, struct conf_element *root, const struct snap_column *columns, size_t count,
                       void *row, struct snap_range *origins);
/* Every (element path from the section on, attribute) that has a column. */
bool columns_have(const char *element, const char *attribute);

/* ---- bindings.c ---- */
/* Read the ftp bindings of a site; *is_ftp_out says whether it has any. */
MUST_USE int bindings_read(struct compiler *c, struct site_work *s, bool *is_ftp_out);
/* Exact clashes make the later site fail.  After every site was read. */
MUST_USE int bindings_clashes(struct compiler *c);
/* Put the rows; after the sites' rows are numbered and their certificates known. */
MUST_USE int bindings_put(struct compiler *c);

/* ---- rule_names.c ---- */
#define AUTHORIZATION "system.ftpServer/security/authorization"
/* Tell of the rules in it, but not of those inherited from above, that name somebody of another machine or domain. */
void rule_names_check(struct compiler *c, struct conf_element *section);

/* ---- content.c ---- */
MUST_USE int content_directories(struct compiler *c, struct site_work *s);
MUST_USE int content_scopes(struct compiler *c, struct site_work *s);
MUST_USE int content_providers(struct compiler *c, struct site_work *s);

/* ---- password.c ---- */
enum { PASSWORD_WHY = 160 };
/* The clear text of a password, for password_wipe.  When there is none, `why` goes on after "the password is". */
MUST_USE int password_read(struct compiler *c, struct conf_element *e, const char *attribute, struct text *clear_out,
                           char why[PASSWORD_WHY]);
void password_wipe(struct text *clear);
#define OWNED_PASSWORD __attribute__((cleanup(password_wipe))) struct text

/* ---- scopes.c ---- */
/* "/app" + "/sub" -> "/app/sub"; "/" + "/" -> "/".  NULL: out of memory; the caller frees. */
char *scopes_join(struct slice application, struct slice directory);
/* Longest first, for qsort; both folded (fold_copy). */
int scopes_compare(const char *a, const char *b);
void scopes_extend(struct snap_range *range, uint32_t row);
/* Called for `path` below the site ("/", "/a/b"), whose values stand at configuration path `location`. */
typedef int scopes_put(struct compiler *c, struct site_work *s, struct slice path, struct slice location);
MUST_USE int scopes_each(struct compiler *c, struct site_work *s, const char *section, scopes_put *put);

/* ---- filters.c ---- */
MUST_USE int filters_request(struct compiler *c, struct site_work *s);
MUST_USE int filters_command(struct compiler *c, struct site_work *s);

/* ---- addresses.c ---- */
MUST_USE int addresses_put(struct compiler *c, struct site_work *s);
/* The single addresses that the server level allows. */
void addresses_never_denied(struct compiler *c, struct snap_range *range_out);

/* ---- anonymous.c ---- */
MUST_USE int anonymous_site(struct compiler *c, struct site_work *s);

/* ---- providers.c ---- */
MUST_USE int providers_site(struct compiler *c, struct site_work *s);

/* ---- firewall.c ---- */
MUST_USE int firewall_site(struct compiler *c, struct site_work *s);
void firewall_server(struct compiler *c, struct snap_server *server);

/* ---- server_cert.c ---- */
MUST_USE int server_cert_open(struct compiler *c);
MUST_USE int server_cert_choose(struct compiler *c, struct site_work *s);
void server_cert_close(struct compiler *c);

/* ---- client_cert.c ---- */
/* Mappings of the site, and a warning for everything that clientCertAuthentication still lacks. */
MUST_USE int client_cert_site(struct compiler *c, struct site_work *s);
/* The stores that decide about clients' certificates. */
MUST_USE int client_cert_trust(struct compiler *c);

/* ---- users.c ---- */
MUST_USE int users_put(struct compiler *c);

/* ---- ad.c ---- */
MUST_USE int ad_put(struct compiler *c);

/* ---- membership.c ---- */
/* Whether web.config says how members of AspNetAuth are found; when not, `d` says why and where. */
bool membership_is_configured(struct compiler *c, struct diag *d);
MUST_USE int membership_put(struct compiler *c);
void membership_free(struct compiler *c);

/* ---- identity.c ---- */
/* userIsolation mode ActiveDirectory and fileAccessIdentity: what they need is there, or the site does not start. */
MUST_USE int identity_site(struct compiler *c, struct site_work *s);
/* The fixed account of a virtual directory.  ERR_UNSUPPORTED with the reason in `d`: it cannot be used. */
MUST_USE int identity_put_fixed(struct compiler *c, struct site_work *s, struct conf_element *directory, struct slice path,
                                struct diag *d);
/* sallyport/identities and sallyport/directory/ftpRoots. */
MUST_USE int identity_put(struct compiler *c);

/* ---- orphans.c ---- */
MUST_USE int orphans_report(struct compiler *c);

/* ---- unenforced.c ---- */
void unenforced_report(struct compiler *c);
/* A site whose policy would open wider than configured fails (unless sallyport/safety says otherwise). */
/* A flag of logExtFileFlags whose column is never written. */
void unenforced_check_log(struct compiler *c, struct conf_element *log, uint32_t fields);
void unenforced_check_site(struct compiler *c, struct site_work *s);
