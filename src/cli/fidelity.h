/*
 * fidelity.h - what becomes of every attribute of a configuration file that came from Windows.
 *
 * A walk over the file as it is written, so nothing can be left out: each attribute gets exactly one fate, and the
 * numbers add up to the attributes in the file.
 */
#pragma once

#include "conf/conf.h"
#include "conf/xml.h"
#include "conf/path_map.h"
#include "tls/cert.h"

enum fate {
    FATE_ENFORCED,   /* means here what it means on Windows */
    FATE_TRANSLATED, /* has another form or place here; the note says which */
    FATE_DECISION,   /* somebody must decide; the note says what */
    FATE_NOT_FTP,    /* kept, and ignored because it is not about FTP */
    FATE_FRAME,      /* declarations, location tags, locks: how the file is built */
    FATE_COUNT,
};

struct fidelity_item {
    enum fate fate;
    unsigned file; /* fidelity_file_name */
    unsigned line, column;
    char *what;  /* site "Depot FTP", ftpServer/security/ssl/@serverCertHash = "..." */
    char *note;  /* "" when there is nothing to say */
};

/* Something used in many places, counted: a path, an account, a foreign section, an encrypted value's provider. */
struct fidelity_name {
    char *text;
    size_t count;
    unsigned file; /* of the first */
    unsigned line;
};
struct fidelity_names {
    struct fidelity_name *items;
    size_t count, cap;
};

struct fidelity {
    const struct path_map *paths;
    const struct cert_store *certificates; /* MY of the instance it goes to; NULL: none yet */
    const struct conf_source_bytes *sources; /* files that sections name by configSource */
    size_t source_count;
    struct fidelity_item *items;           /* all but FATE_NOT_FTP and FATE_FRAME, in file order */
    size_t count, cap;
    size_t fates[FATE_COUNT];
    size_t attributes; /* in the files */
    size_t comments;
    struct fidelity_names physical_paths, users, roles, foreign, hashes, protectors, config_sources;
    size_t ftp_sites, other_sites, managers;
    bool uses_manager_provider;
    int err;
};

const char *fidelity_file_name(const struct fidelity *f, unsigned file);
/* What Windows means by an account or group that only Windows has; NULL: an ordinary name. */
const char *fidelity_windows_account(struct slice name);
/* Text of the files for people: control characters escaped, backslashes single as in Windows paths. */
void fidelity_add_shown(struct text *out, struct slice s);
/* Walk one parsed file.  ERR_NOMEM. */
MUST_USE int fidelity_walk(struct fidelity *f, enum conf_file file, const struct xml *x);
/* A diagnostic about a place: what stands there needs a decision.  False: nothing stands there. */
bool fidelity_doubt(struct fidelity *f, enum conf_file file, unsigned line, const char *note);
void fidelity_free(struct fidelity *f);
