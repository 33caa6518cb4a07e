/*
 * table.h - objects times verbs: handler, parameters, help, and by tests the man pages.
 *
 * Dispatch, `/?`, completion and the check that every verb is documented read the same rows.
 */
#pragma once

#include "cli/cli.h"

struct verb_param {
    const char *name;
    const char *form; /* "" takes no value; "[x]" may take one; else it must; "x..." may be given more than once */
    const char *help;
};

/* What else a verb takes beside its parameters. */
enum verb_properties {
    TAKES_PARAMS,  /* nothing */
    TAKES_FILTERS, /* /attribute:value conditions of a list */
    TAKES_EDITS,   /* property paths */
};

enum verb_identifier { NO_IDENTIFIER, MAY_IDENTIFY, MUST_IDENTIFY };

enum { VERB_PARAMS = 12 };

struct verb_row {
    const char *verb;
    const char *object; /* "" for a verb that stands alone */
    enum verb_identifier identifies;
    const char *identifier; /* for help: "site name" */
    enum verb_properties properties;
    int (*run)(struct cli *c);
    const char *summary;
    struct verb_param params[VERB_PARAMS];
};

struct object_row {
    const char *name, *plural;
    const char *tag; /* SITE */
    const char *summary;
};

extern const struct verb_row verb_rows[];
extern const size_t verb_row_count;
extern const struct object_row object_rows[];
extern const size_t object_row_count;

const struct object_row *object_find(struct slice word);
const struct verb_row *verb_find(struct slice verb, const struct object_row *object);
/* Any row of that verb, for telling a wrong verb from a wrong object. */
const struct verb_row *verb_find_any(struct slice verb);
/* Whether it only reads, or edits the configuration: what `run --atomic` may hold. */
bool verb_can_be_undone(const struct verb_row *row);
const struct verb_param *verb_param_find(const struct verb_row *row, struct slice name);
/* "/text", "/commit" ... that every verb knows; NULL if it is none. */
const struct verb_param *general_param_find(struct slice name);
/* Whether a general parameter means anything to the verb; what would be ignored is refused. */
bool general_param_has_effect(const struct verb_param *param, const struct verb_row *row);

/* ---- help.c ---- */
void help_general(struct cli *c);
void help_object(struct cli *c, const struct object_row *object);
void help_verb(struct cli *c, const struct verb_row *row);
/* One line per verb and per parameter for the completion script. */
int help_completion(struct cli *c);

/* ---- handlers ---- */
int site_list(struct cli *c);
int site_add(struct cli *c);
int site_set(struct cli *c);
int site_delete(struct cli *c);
int site_start(struct cli *c);
int site_stop(struct cli *c);
int app_list(struct cli *c);
int app_add(struct cli *c);
int app_set(struct cli *c);
int app_delete(struct cli *c);
int vdir_list(struct cli *c);
int vdir_add(struct cli *c);
int vdir_set(struct cli *c);
int vdir_delete(struct cli *c);
int config_list(struct cli *c);
int config_set(struct cli *c);
int config_clear(struct cli *c);
int config_search(struct cli *c);
int config_reset(struct cli *c);
int config_migrate(struct cli *c);
int config_lock(struct cli *c);
int config_unlock(struct cli *c);
int user_list(struct cli *c);
int user_add(struct cli *c);
int user_set(struct cli *c);
int user_delete(struct cli *c);
int user_allow(struct cli *c);
int user_deny(struct cli *c);
int certificate_list(struct cli *c);
int certificate_add(struct cli *c);
int certificate_delete(struct cli *c);
int certificate_rehearse(struct cli *c);
int session_list(struct cli *c);
int session_delete(struct cli *c);
int service_flush_log(struct cli *c);
int service_flush_cache(struct cli *c);
int service_status(struct cli *c);
int service_check(struct cli *c);
int service_version(struct cli *c);
int instance_create(struct cli *c);
int run_file(struct cli *c);
int objects_run(struct cli *c); /* any verb with /in */
int backup_list(struct cli *c);
int backup_add(struct cli *c);
int backup_restore(struct cli *c);
int backup_delete(struct cli *c);
int import_run(struct cli *c);
int export_run(struct cli *c);
int explain_run(struct cli *c);
