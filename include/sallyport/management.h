/*
 * management.h - the configuration of Sallyport for C and C++ programs.
 *
 * The object model is that of IIS's Microsoft.Web.Administration (ServerManager) and of the scripting object
 * Microsoft.ApplicationHost.WritableAdminManager, so that a script written against them can be rewritten line by line:
 *
 *   new ServerManager()                        sp_manager_open(NULL, ...)
 *   new ActiveXObject("...WritableAdminManager")  the same
 *   adminManager.CommitPath = "..."            sp_manager_set_commit_path
 *   config.GetSection("name", "Site")          sp_manager_section(m, "name", "Site")
 *   adminManager.GetAdminSection(name, path)   sp_manager_section(m, name, "MACHINE/WEBROOT/APPHOST/Site")
 *   element.GetChildElement("x"),              sp_element_child
 *     element.ChildElements.Item("x")
 *   element["x"] = value,                      sp_element_set, sp_element_set_bool, sp_element_set_number
 *     element.Properties.Item("x").Value = value
 *   section.GetCollection(), .Collection       the element itself: every element of a collection kind holds items
 *   collection.CreateElement("add")            sp_collection_create
 *   collection.Add(e), AddElement(e, position) sp_collection_add, sp_collection_add_at
 *   serverManager.CommitChanges()              sp_manager_commit
 *
 * Link with `pkg-config --cflags --libs sallyport` (docs/management-library.md has the line for libsallyport.a).
 *
 * Errors.  A function that can fail returns SP_OK (0) or one of enum sp_status, negative; one that returns a pointer
 * returns NULL.  What went wrong, with file, line, column and section path, is then in sp_manager_error(), until the
 * next function of that manager fails.  A NULL element is always accepted and answers SP_ERR_HANDLE (or NULL again)
 * without touching the kept error, so a chain of sp_element_child calls may be checked once, at its end.
 * A change that fails has changed nothing.
 *
 * Ownership.  The caller owns the manager and frees it; everything else - elements, strings, the error - belongs to the
 * manager and lives until sp_manager_free.  Elements stay usable when other parts of the configuration change; one that
 * was removed answers SP_ERR_STATE.  Asking twice for the same element gives the same pointer.
 *
 * Threads.  A manager and everything that came from it may be used by one thread at a time; different managers are
 * independent of each other and may be used at once.  No function changes signal handling, the locale or the working
 * directory, and none ends the program.
 *
 * Text is UTF-8 and ends in NUL.  Names are compared as the schema writes them; values of keys, configuration paths and the
 * site names in them without regard to case, of all alphabets.
 *
 * Nothing reaches a file before sp_manager_commit.  The running service notices a commit by itself and keeps its old
 * configuration, and says so, if it cannot use the new one.
 */
#ifndef SALLYPORT_MANAGEMENT_H
#define SALLYPORT_MANAGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SP_API __attribute__((visibility("default")))
#define SP_MUST_USE __attribute__((warn_unused_result))
#else
#define SP_API
#define SP_MUST_USE
#endif

/* ---- errors ---- */

enum sp_status {
    SP_OK = 0,
    SP_ERR_MEMORY = -1,
    SP_ERR_SYSTEM = -2,      /* the operating system refused: see `what` */
    SP_ERR_DENIED = -3,      /* no right to read, write, or command the service */
    SP_ERR_NOT_FOUND = -4,   /* no such section, attribute, child, item or file */
    SP_ERR_VALUE = -5,       /* a value or a file that the schema does not allow */
    SP_ERR_EXISTS = -6,      /* an item with this key is there already */
    SP_ERR_LOCKED = -7,      /* a level above forbids it */
    SP_ERR_CONFLICT = -8,    /* a file was changed by somebody else since it was read; nothing was written */
    SP_ERR_STATE = -9,       /* not possible with this element: removed, inherited, or already in a collection */
    SP_ERR_UNSUPPORTED = -10,
    SP_ERR_NOT_RUNNING = -11, /* the service does not run */
    SP_ERR_HANDLE = -12       /* a NULL element or manager was given */
};

struct sp_error {
    int status;         /* enum sp_status */
    unsigned line;      /* 1-based, 0: unknown */
    unsigned column;    /* 1-based, 0: unknown */
    char file[256];     /* "" when no file is concerned */
    char section[192];  /* path of the element, "system.applicationHost/sites/site/ftpServer"; "" if none */
    char what[512];     /* what is wrong */
    char todo[256];     /* what is allowed, or what to do; "" if obvious */
};

/* The name of a status, "SP_ERR_LOCKED"; never NULL. */
SP_API const char *sp_status_name(int status);
/* "file:line:column: section: what. todo" into `buffer`, always NUL-terminated; returns the length of the whole. */
SP_API size_t sp_error_print(const struct sp_error *error, char *buffer, size_t size);

/* ---- the manager ---- */

struct sp_manager;
struct sp_element;

/* Read the configuration of an instance: applicationHost.config, administration.config, sallyport.config, and what
 * redirection.config names.  `directory` NULL: the environment's SALLYPORT_CONFIG, else /etc/sallyport.  Files that
 * are not there are made by the first commit that needs them.  On failure *error_out (if not NULL) is filled. */
SP_API SP_MUST_USE int sp_manager_open(const char *directory, struct sp_manager **manager_out,
                                       struct sp_error *error_out);
/* NULL is allowed.  What was not committed is forgotten. */
SP_API void sp_manager_free(struct sp_manager *manager);
/* The last failure; status SP_OK when there was none.  Never NULL. */
SP_API const struct sp_error *sp_manager_error(const struct sp_manager *manager);
SP_API const char *sp_manager_directory(const struct sp_manager *manager);

/* CommitPath: the level whose file takes changes.  "MACHINE/WEBROOT/APPHOST" (the default) and "MACHINE/WEBROOT" (where
 * administration.config stands) are possible; FTP settings cannot be delegated to web.config files, so a deeper
 * path is SP_ERR_LOCKED. */
SP_API SP_MUST_USE int sp_manager_set_commit_path(struct sp_manager *manager, const char *path);
SP_API const char *sp_manager_commit_path(const struct sp_manager *manager);

/* Write what was changed: every file beside its old one, synced and renamed.  SP_ERR_CONFLICT when a file is no longer
 * what was read: nothing is written, and only a new manager sees the new state. */
SP_API SP_MUST_USE int sp_manager_commit(struct sp_manager *manager);
/* Whether there is anything to commit. */
SP_API bool sp_manager_is_changed(const struct sp_manager *manager);

/* ---- sections ---- */

SP_API size_t sp_section_count(void);
/* "system.ftpServer/security/authorization"; NULL beyond the end. */
SP_API const char *sp_section_name_at(size_t index);

/* A section as it is effective at a path.  `path`: NULL or "" for the server; "Site", "Site/dir/sub"; or the whole
 * "MACHINE/WEBROOT/APPHOST/Site/dir".  Changes to it are written for that path, in a <location> tag if it is not the
 * server.  The path need not exist as a folder. */
SP_API struct sp_element *sp_manager_section(struct sp_manager *manager, const char *name, const char *path);
/* Call `each` for every path that has a <location> tag with this section: "Site/sub", as written. */
SP_API SP_MUST_USE int sp_manager_each_location(struct sp_manager *manager, const char *section,
                                                void (*each)(void *context, const char *path), void *context);

/* Whether levels below the section's path may not set it (overrideMode, overrideModeDefault). */
SP_API bool sp_section_is_locked(struct sp_element *section);
/* OverrideMode: true for Deny, false for Allow. */
SP_API SP_MUST_USE int sp_section_lock(struct sp_element *section, bool deny);
/* RevertToParent: remove everything that is written for the section at its path. */
SP_API SP_MUST_USE int sp_section_revert(struct sp_element *section);

/* ---- elements ---- */

/* "site", "add", "ftpServer"; NULL for NULL. */
SP_API const char *sp_element_name(struct sp_element *element);
/* "system.applicationHost/sites/site/ftpServer". */
SP_API const char *sp_element_schema_path(struct sp_element *element);
/* "MACHINE/WEBROOT/APPHOST/Site": where it was asked for. */
SP_API const char *sp_element_config_path(struct sp_element *element);
/* Whether anything is written for it at that path; for an item, whether it stands there itself (IsLocallyStored). */
SP_API bool sp_element_is_local(struct sp_element *element);
SP_API struct sp_manager *sp_element_manager(struct sp_element *element);

/* A child element of the schema; "security/ssl" goes two steps.  It is there even if nothing is written for it. */
SP_API struct sp_element *sp_element_child(struct sp_element *element, const char *name);

/* ---- attributes ---- */

enum sp_type { SP_BOOL, SP_INT, SP_UINT, SP_INT64, SP_ENUM, SP_FLAGS, SP_TIMESPAN, SP_STRING };
enum sp_origin { SP_DEFAULT, SP_INHERITED, SP_EXPLICIT };

struct sp_value {
    enum sp_type type;
    enum sp_origin origin;
    const char *text;   /* as written; for defaults the canonical form */
    int64_t number;     /* bool 0/1, integers, the value of an enum or of flags, seconds of a time span */
    bool is_encrypted;  /* [enc:provider:...:enc]: `text` is the stored form */
    const char *file;   /* where it is written; NULL for a default, and before an element is added */
    unsigned line, column;
};
SP_API SP_MUST_USE int sp_element_get(struct sp_element *element, const char *attribute, struct sp_value *value_out);
/* Shorthands: "" / false / 0 when the element is NULL or has no such attribute, which sp_manager_error tells. */
SP_API const char *sp_element_get_text(struct sp_element *element, const char *attribute);
SP_API bool sp_element_get_bool(struct sp_element *element, const char *attribute);
SP_API int64_t sp_element_get_number(struct sp_element *element, const char *attribute);

/* `value` as a person would write it: "true", "Read, Write", "00:01:00", "SslRequire"; numbers of enums and flags pass.
 * Passwords (sp_attribute's is_encrypted) are stored encrypted, with the key in secrets/configuration-key of the directory, which
 * is made when it is needed first; SP_ERR_DENIED for who may not read it. */
SP_API SP_MUST_USE int sp_element_set(struct sp_element *element, const char *attribute, const char *value);
SP_API SP_MUST_USE int sp_element_set_bool(struct sp_element *element, const char *attribute, bool value);
SP_API SP_MUST_USE int sp_element_set_number(struct sp_element *element, const char *attribute, int64_t value);
/* Remove the explicit value, so that the inherited one or the default holds. */
SP_API SP_MUST_USE int sp_element_unset(struct sp_element *element, const char *attribute);

/* Locks and other marks on the element itself: "lockAttributes", "lockAllAttributesExcept", "lockElements",
 * "lockAllElementsExcept", "lockItem" (GetMetadata, SetMetadata).  "" when not written.  An empty value removes it. */
SP_API const char *sp_element_get_lock(struct sp_element *element, const char *name);
SP_API SP_MUST_USE int sp_element_set_lock(struct sp_element *element, const char *name, const char *value);
/* Whether a level above forbids to set the attribute here. */
SP_API bool sp_element_is_locked(struct sp_element *element, const char *attribute);

/* The attribute's schema, for programs that show forms. */
struct sp_attribute {
    const char *name, *type, *default_text;
    const char *allowed; /* values or range, for people; "" if free */
    bool is_required, is_key, is_encrypted, is_runtime;
};
/* false beyond the end. */
SP_API bool sp_element_attribute_at(struct sp_element *element, size_t index, struct sp_attribute *attribute_out);
/* The name of child element `index` of the schema, NULL beyond the end. */
SP_API const char *sp_element_child_at(struct sp_element *element, size_t index);

/* A method of the schema, done by the running service: "Start", "Stop", "FlushLog" of a site's ftpServer ("Start" and
 * "Stop" of the site mean the same), "Flush" of caching/credentialsCache.  Uncommitted changes do not matter to it. */
SP_API SP_MUST_USE int sp_element_invoke(struct sp_element *element, const char *method);

/* ---- collections ---- */

/* Whether the element holds items, and what they are called ("add", "site"); NULL if it holds none. */
SP_API const char *sp_collection_item_name(struct sp_element *collection);
/* Effective items: inherited first, then local ones, after remove and clear. */
SP_API size_t sp_collection_count(struct sp_element *collection);
/* NULL beyond the end. */
SP_API struct sp_element *sp_collection_item(struct sp_element *collection, size_t index);

struct sp_pair {
    const char *name, *value;
};
/* The first item whose attributes have these values.  NULL with SP_ERR_NOT_FOUND when there is none. */
SP_API struct sp_element *sp_collection_find(struct sp_element *collection, const struct sp_pair *pairs, size_t count);
/* The same for one attribute. */
SP_API struct sp_element *sp_collection_find_by(struct sp_element *collection, const char *attribute, const char *value);

/* A new item that is in no collection yet.  Set its attributes, fill its children and its own collections, then add it
 * to the collection that made it: what is missing or doubled is told then.  `name` NULL: the collection's only name. */
SP_API struct sp_element *sp_collection_create(struct sp_element *collection, const char *name);
/* At the end, or at `position` among the local items. */
SP_API SP_MUST_USE int sp_collection_add(struct sp_element *collection, struct sp_element *item);
SP_API SP_MUST_USE int sp_collection_add_at(struct sp_element *collection, struct sp_element *item, size_t position);
/* A local item is removed where it is written, an inherited one by a <remove> at this path. */
SP_API SP_MUST_USE int sp_collection_remove(struct sp_element *collection, struct sp_element *item);
/* Move a local item to `position` among the local items. */
SP_API SP_MUST_USE int sp_collection_move(struct sp_element *collection, struct sp_element *item, size_t position);
/* No items afterwards; <clear /> is written if any are inherited. */
SP_API SP_MUST_USE int sp_collection_clear(struct sp_element *collection);

#ifdef __cplusplus
}
#endif

#endif
