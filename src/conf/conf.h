/*
 * conf.h - IIS configuration: files, schema, effective values, editing.
 *
 * Everything about applicationHost.config, administration.config and sallyport.config that is not FTP: the schema
 * engine answers for every section of schema/ and no section has a parser of its own.  The idea of the
 * implementation and the IIS rules it follows stand in conf.c; the facts come from "Deep Dive into IIS Configuration"
 * and "How to Use Locking in IIS Configuration".
 *
 *   file bytes --conf_open--> struct conf --conf_section--> struct conf_element --conf_attr--> value + where it came from
 *        ^                        |
 *        +------- conf_save ------+-- conf_set, conf_add, conf_remove ... (text patches: comments, order, indentation,
 *                                     foreign sections and [enc:...] values stay byte for byte)
 *
 * Nothing here opens a file by itself except conf_open_directory and conf_save; the loader hands in bytes.
 * Not thread-safe.  Elements, values and slices live until the next edit or conf_free.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/slice.h"
#include "base/text.h"

enum conf_file {
    CONF_APPLICATION_HOST, /* applicationHost.config */
    CONF_ADMINISTRATION,   /* administration.config */
    CONF_SALLYPORT,        /* sallyport.config */
    CONF_FILE_COUNT,
};
/* "applicationHost.config" ... */
const char *conf_file_name(enum conf_file file);

struct conf;
struct conf_element; /* an element as it is effective somewhere: may be made of several places, or of defaults only */

/* ---- opening ---- */

/* Parse and validate all files.  `bytes[i].ptr == NULL` means the file is absent.  Every problem is given to
 * `report` (severity as in proto/loader.h: 0 error, 1 warning); the result is usable only when 0 is returned.
 * The schema is compiled into the library. */
typedef void conf_report(void *context, int severity, const struct diag *d);
MUST_USE int conf_open(const struct slice bytes[CONF_FILE_COUNT], conf_report *report, void *context,
                       struct conf **conf_out);
/* The same with the files that sections name by configSource. */
struct conf_source_bytes {
    enum conf_file of;
    const char *name; /* as conf_sources_wanted gave it */
    struct slice bytes;
};
MUST_USE int conf_open_sources(const struct slice bytes[CONF_FILE_COUNT], const struct conf_source_bytes *sources,
                               size_t count, conf_report *report, void *context, struct conf **conf_out);
/* Every file that the bytes of a configuration file name with configSource: relative to its folder, '/' between the
 * parts, never leaving it.  Bytes that are not well-formed name none. */
MUST_USE int conf_sources_wanted(struct slice bytes, void (*each)(void *context, const char *name), void *context);
/* The same from a directory; absent files are allowed.  Remembers what was read so that conf_save can detect that
 * somebody else wrote meanwhile. */
MUST_USE int conf_open_directory(const char *directory, conf_report *report, void *context, struct conf **conf_out);
/* The same with another file for applicationHost.config; NULL: the directory's own. */
MUST_USE int conf_open_with(const char *directory, const char *application_host, conf_report *report, void *context,
                            struct conf **conf_out);
/* The folder that redirection.config in `directory` sends readers of applicationHost.config and administration.config to, a
 * path of this machine; "" when they are read where they stand. */
MUST_USE int conf_shared_folder(const char *directory, conf_report *report, void *context, struct text *folder_out);
void conf_free(struct conf *c);

/* ---- reading ---- */

/* Section `name` ("system.applicationHost/sites", "system.ftpServer/security/authorization", "sallyport/tls") as it is
 * effective at configuration path `path` ("" server level, "Site", "Site/dir/sub").  ERR_NOT_FOUND: no such section.
 * A unique short name ("authorization" is not, "sites" is) is accepted.  The file follows from the section. */
MUST_USE int conf_section(struct conf *c, struct slice name, struct slice path, struct conf_element **element_out);

/* Whether it can be a configuration path: no empty part, no "." and "..", no backslash, nothing unprintable. */
bool conf_path_is_valid(struct slice path);

/* Child element of the schema, e.g. conf_child(site, "ftpServer"); a '/'-separated path is allowed.  Always answers when
 * the schema has it, with defaults if nothing is written; NULL when the schema has no such child. */
struct conf_element *conf_child(struct conf_element *e, const char *path);

/* Effective items of a collection, inherited first, after remove and clear. */
size_t conf_count(struct conf_element *collection);
struct conf_element *conf_item(struct conf_element *collection, size_t index);
/* ERR_NOMEM when an answer since opening may be incomplete (an empty collection, a missing child, or a text that was made of
 * it; base/memory.h).  Whoever decides by what was read asks this once at the end. */
MUST_USE int conf_error(const struct conf *c);
/* The name of an item's element ("add", "site", "virtualDirectory" ...); a collection may hold one kind only. */
const char *conf_element_name(struct conf_element *e);
/* "system.applicationHost/sites/site/ftpServer" for messages. */
void conf_element_path(struct conf_element *e, struct text *out);

/* Whether anything is written for this element at the level it was asked for; for an item: whether it stands there. */
bool conf_is_local(struct conf_element *e);
/* The configuration path the element was asked for. */
struct slice conf_element_level(struct conf_element *e);

enum conf_type { CONF_BOOL, CONF_INT, CONF_UINT, CONF_INT64, CONF_ENUM, CONF_FLAGS, CONF_TIMESPAN, CONF_STRING };
enum conf_origin { CONF_DEFAULT, CONF_INHERITED, CONF_EXPLICIT };

struct conf_value {
    enum conf_type type;
    enum conf_origin origin;
    struct slice text;   /* as written, entities resolved; for defaults the canonical form */
    int64_t number;      /* bool 0/1, integers, enum and flags value, seconds */
    bool encrypted;      /* [enc:provider:...:enc], not empty: `text` holds the stored form */
    enum conf_file file; /* where it is written, if not a default */
    uint32_t source;     /* the file itself, or beyond CONF_FILE_COUNT one that configSource names (conf_value_file) */
    unsigned line, column;
};
/* Effective attribute; ERR_NOT_FOUND when the schema has none of that name. */
MUST_USE int conf_attr(struct conf_element *e, const char *name, struct conf_value *value_out);
/* The file a value is written in, as it was opened; "" for a default. */
const char *conf_value_file(const struct conf *c, const struct conf_value *value);
const char *conf_element_file(struct conf_element *e, const struct conf_value *value); /* the same, of any element's value */
/* Shorthands for attributes that the schema is known to have; "" / 0 if it does not. */
struct slice conf_text(struct conf_element *e, const char *name);
int64_t conf_number(struct conf_element *e, const char *name);

/* Whether it is lockAttributes, lockItem ... */
bool conf_is_lock_name(struct slice name);
/* lockAttributes, lockItem ... as written for the element where it was asked for; ptr NULL when nothing is. */
struct slice conf_lock_text(struct conf_element *e, const char *name);
/* Whether a level above forbids to set the attribute here. */
bool conf_attr_is_locked(struct conf_element *e, const char *name);

/* All configuration paths that hold `section` in location tags and stand at or below `site`; "Site", "Site/sub" ...
 * as written.  Calls `each` in file order. */
void conf_locations(struct conf *c, const char *section, struct slice site,
                    void (*each)(void *context, struct slice path), void *context);

/* All sections that stand in location tags for a path below the server level; `place` is that of the section's element. */
void conf_each_located(struct conf *c,
                       void (*each)(void *context, const char *section, struct slice path, const struct diag *place),
                       void *context);

/* Whether levels below `path` may not set the section: nearest location/@overrideMode, else overrideModeDefault.
 * Location tags of the same file are never affected by it. */
bool conf_is_locked(struct conf *c, const char *section, struct slice path);

/* Every FTP attribute that is explicitly set anywhere and to which `wants` says yes, which is asked once for each that the
 * schema has: for the report of what is not enforced yet.  `element` is the schema path from the section on
 * ("system.applicationHost/sites/site/ftpServer/connections"). */
void conf_each_explicit(struct conf *c, bool (*wants)(void *context, const char *element, const char *attribute),
                        void (*each)(void *context, const char *element, const char *attribute, const struct conf_value *value),
                        void *context);
/* Names of all sections, for help and `/section:?`. */
size_t conf_section_count(void);
const char *conf_section_name(size_t index);
/* The full name for a full or unique short one; NULL: no such section. */
const char *conf_section_full_name(struct slice name);
/* Whether configSections declares it: without that, a section does not exist, defaults included. */
bool conf_section_is_declared(const struct conf *c, const char *full_name);
/* The file whose sections it belongs to. */
enum conf_file conf_section_file(const char *full_name);

/* ---- the schema, for help, completion and checks ---- */
struct conf_schema_attr {
    const char *name, *type, *default_text, *allowed; /* `allowed`: values or range for people, "" if free */
    bool required, key, encrypted, runtime;
};
/* Attribute `index` of the element's schema; false beyond the end. */
bool conf_schema_attr_at(struct conf_element *e, size_t index, struct conf_schema_attr *attr_out);
/* Name of child element `index`; NULL beyond the end.  *is_collection says whether it holds items. */
const char *conf_schema_child_at(struct conf_element *e, size_t index, bool *is_collection);
/* Whether the element has the method ("Start", "FlushLog" ...). */
bool conf_schema_has_method(struct conf_element *e, const char *name);
/* Item element name a collection accepts ("add", "site"), NULL if `e` is no collection. */
const char *conf_schema_item_name(struct conf_element *e);

/* ---- editing ----
 * Edits go to the level the element was asked for: the section at path "" edits the bare section, at path "Site/x" a
 * <location path="Site/x"> is made when needed.  Each edit re-validates; on error nothing is changed and `d` says why
 * (IIS's texts, config-model.md 14).  ERR_LOCKED: a parent level locked it.  Elements obtained before an edit are
 * invalid after it. */
MUST_USE int conf_set(struct conf *c, struct conf_element *e, const char *attribute, struct slice value,
                      struct diag *d);
/* Remove the explicit value. */
MUST_USE int conf_unset(struct conf *c, struct conf_element *e, const char *attribute, struct diag *d);

/* Who makes the stored form of attributes with encrypted="true" (protect/protect.h).  From the call on edits hand it every
 * value that is not in such a form already; without it values are written as they are given. */
struct conf_protector {
    /* Append what is to be stored for `clear`; on error `d` says why. */
    int (*seal)(const char *directory, struct slice clear, struct text *stored_out, struct diag *d);
    const char *provider, *description; /* its entry, which a save puts beside those of Windows in configProtectedData */
};
void conf_protect_with(struct conf *c, const struct conf_protector *protector);

struct conf_pair {
    struct slice name, value;
};
/* Add an item with these attributes at `position` (-1 end, 0 start) among the local items. */
MUST_USE int conf_add(struct conf *c, struct conf_element *collection, const struct conf_pair *pairs, size_t count,
                      long position, struct diag *d);
/* Whether the item's attributes match all pairs (texts without regard to case unless caseSensitive). */
bool conf_item_matches(struct conf_element *item, const struct conf_pair *pairs, size_t count);
/* Find the first item that does. */
MUST_USE int conf_find(struct conf_element *collection, const struct conf_pair *pairs, size_t count,
                       struct conf_element **item_out);
/* Remove an item: its own element when it is local, else a <remove> is written. */
MUST_USE int conf_remove(struct conf *c, struct conf_element *item, struct diag *d);
/* Move a local item to `position` among the local items (-1: the end), its text unchanged. */
MUST_USE int conf_move(struct conf *c, struct conf_element *item, long position, struct diag *d);
/* Empty a collection (<clear/> when something is inherited). */
MUST_USE int conf_clear_collection(struct conf *c, struct conf_element *collection, struct diag *d);
/* Remove the section's own settings at its level (`clear config`), its empty element stays. */
MUST_USE int conf_clear_section(struct conf *c, struct conf_element *section, struct diag *d);
/* Its element as well, and what around it is empty then; one that carries a lock stays. */
MUST_USE int conf_delete_section(struct conf *c, struct conf_element *section, struct diag *d);
/* Write the section's lock state at `path`: overrideMode Allow or Deny. */
MUST_USE int conf_lock(struct conf *c, struct slice section, struct slice path, bool deny, struct diag *d);

/* ---- drafts: an item with children and items of its own, before it stands anywhere ----
 * The whole is written, and judged, when it is added.  Children belong to the draft they were asked from. */
struct conf_draft;
/* A draft for `collection`; the caller frees it.  ERR_NOT_FOUND: no collection. */
MUST_USE int conf_draft_new(struct conf_element *collection, struct conf_draft **draft_out, struct diag *d);
void conf_draft_free(struct conf_draft *draft);
/* As conf_set and conf_unset. */
MUST_USE int conf_draft_set(struct conf_draft *draft, const char *attribute, struct slice value, struct diag *d);
void conf_draft_unset(struct conf_draft *draft, const char *attribute);
/* What was set, else the schema's default: what the place will give it is not known yet. */
MUST_USE int conf_draft_attr(struct conf_draft *draft, const char *name, struct conf_value *value_out);
/* A lock attribute or another free one; ptr NULL when it is not set. */
struct slice conf_draft_written(const struct conf_draft *draft, const char *name);
const char *conf_draft_name(const struct conf_draft *draft);
/* As conf_schema_attr_at, conf_schema_child_at, conf_schema_item_name. */
bool conf_draft_schema_attr_at(const struct conf_draft *draft, size_t index, struct conf_schema_attr *attr_out);
const char *conf_draft_schema_child_at(const struct conf_draft *draft, size_t index);
const char *conf_draft_schema_item_name(const struct conf_draft *draft);
/* A child of the schema, NULL if there is none (or no memory). */
struct conf_draft *conf_draft_child(struct conf_draft *draft, const char *name);
/* Items of a draft that is a collection.  conf_draft_put takes the item over. */
MUST_USE int conf_draft_item_new(struct conf_draft *collection, struct conf_draft **item_out, struct diag *d);
MUST_USE int conf_draft_put(struct conf_draft *collection, struct conf_draft *item, long position, struct diag *d);
size_t conf_draft_count(const struct conf_draft *collection);
struct conf_draft *conf_draft_item(struct conf_draft *collection, size_t index);
/* Take an item out; it is the caller's again. */
void conf_draft_take(struct conf_draft *collection, struct conf_draft *item);
/* Write a draft into the collection at `position` among the local items (-1: the end).  The draft stays the caller's. */
MUST_USE int conf_add_draft(struct conf *c, struct conf_element *collection, const struct conf_draft *draft,
                            long position, struct diag *d);

/* ---- elements over edits ----
 * Elements end with an edit.  A mark is the place of an item in its file and can be carried over: take it before, follow
 * it after each edit, then forget the moves. */
struct conf_mark {
    uint32_t file;
    size_t at;
};
/* Where the item itself is written. */
struct conf_mark conf_mark_of(const struct conf_element *item);
/* How often elements have ended since opening. */
uint64_t conf_edits(const struct conf *c);
/* false: the item was removed. */
bool conf_mark_follow(const struct conf *c, struct conf_mark *mark);
void conf_marks_done(struct conf *c);

/* Whether conf_save would write anything. */
bool conf_is_changed(const struct conf *c);
/* Current bytes of a file with all edits; NULL ptr when absent. */
struct slice conf_bytes(struct conf *c, enum conf_file file);
/* The XML of an element as explicitly written (`explicit_only`), or with effective values: for `list config`. */
void conf_print_xml(struct conf_element *e, bool explicit_only, unsigned indent, struct text *out);

/* Write every changed file: temporary file, fsync, rename, fsync of the directory; mode and owner kept (new files
 * 0640).  ERR_CONFLICT when a file on disk is no longer what was read; nothing is written then. */
MUST_USE int conf_save(struct conf *c, struct diag *d);
