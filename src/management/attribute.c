/* attribute.c - values, locks, the schema. */
#include <inttypes.h>
#include <stdio.h>

#include "management/management_priv.h"

/* ---- reading ---- */

static MUST_USE int unknown(struct sp_element *e, const char *attribute)
{
    return manager_refuse(e->m, SP_ERR_NOT_FOUND, e, "", "Unrecognized attribute '%s'", attribute);
}

static MUST_USE int fill(struct sp_element *e, const struct conf_value *v, struct sp_value *value_out)
{
    const char *text = manager_keep(e->m, v->text);
    if (!text)
        return e->m->error.status;
    *value_out = (struct sp_value){
        .type = (enum sp_type)v->type,
        .origin = (enum sp_origin)v->origin,
        .text = text,
        .number = v->number,
        .is_encrypted = v->encrypted,
        .file = v->origin == CONF_DEFAULT || e->draft ? NULL : conf_value_file(e->m->conf, v),
        .line = v->line,
        .column = v->column,
    };
    return SP_OK;
}

_Static_assert((int)SP_BOOL == CONF_BOOL && (int)SP_INT == CONF_INT && (int)SP_UINT == CONF_UINT &&
                   (int)SP_INT64 == CONF_INT64 && (int)SP_ENUM == CONF_ENUM && (int)SP_FLAGS == CONF_FLAGS &&
                   (int)SP_TIMESPAN == CONF_TIMESPAN && (int)SP_STRING == CONF_STRING,
               "types are told as src/conf numbers them");
_Static_assert((int)SP_DEFAULT == CONF_DEFAULT && (int)SP_INHERITED == CONF_INHERITED && (int)SP_EXPLICIT == CONF_EXPLICIT,
               "origins too");

int sp_element_get(struct sp_element *element, const char *attribute, struct sp_value *value_out)
{
    struct conf_value v;
    int status;
    if (!element || !attribute)
        return SP_ERR_HANDLE;
    if (element->draft)
        return conf_draft_attr(element->draft, attribute, &v) ? unknown(element, attribute) : fill(element, &v, value_out);
    struct conf_element *now = element_now(element);
    if (!now)
        return element->m->error.status;
    if (service_attribute(element, attribute, value_out, &status))
        return status;
    return conf_attr(now, attribute, &v) ? unknown(element, attribute) : fill(element, &v, value_out);
}

const char *sp_element_get_text(struct sp_element *element, const char *attribute)
{
    struct sp_value v;
    return sp_element_get(element, attribute, &v) ? "" : v.text;
}

bool sp_element_get_bool(struct sp_element *element, const char *attribute)
{
    return sp_element_get_number(element, attribute) != 0;
}

int64_t sp_element_get_number(struct sp_element *element, const char *attribute)
{
    struct sp_value v;
    return sp_element_get(element, attribute, &v) ? 0 : v.number;
}

/* ---- writing ---- */

static int finish(struct sp_element *e, int err, const struct diag *d)
{
    if (err)
        return manager_fail(e->m, err, d);
    manager_edited(e->m);
    return SP_OK;
}

static MUST_USE int write_value(struct sp_element *e, const char *attribute, struct slice value)
{
    struct diag d = { 0 };
    if (e->draft) {
        int err = conf_draft_set(e->draft, attribute, value, &d);
        return err ? manager_fail(e->m, err, &d) : SP_OK;
    }
    int status = element_check_writable(e);
    struct conf_element *now = status ? NULL : element_now(e);
    if (!now)
        return status ? status : e->m->error.status;
    return finish(e, conf_set(e->m->conf, now, attribute, value, &d), &d);
}

int sp_element_set(struct sp_element *element, const char *attribute, const char *value)
{
    return !element || !attribute || !value ? SP_ERR_HANDLE : write_value(element, attribute, slice_str(value));
}

int sp_element_set_bool(struct sp_element *element, const char *attribute, bool value)
{
    return sp_element_set(element, attribute, value ? "true" : "false");
}

int sp_element_set_number(struct sp_element *element, const char *attribute, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return sp_element_set(element, attribute, text);
}

int sp_element_unset(struct sp_element *element, const char *attribute)
{
    struct diag d = { 0 };
    if (!element || !attribute)
        return SP_ERR_HANDLE;
    if (element->draft) {
        conf_draft_unset(element->draft, attribute);
        return SP_OK;
    }
    int status = element_check_writable(element);
    struct conf_element *now = status ? NULL : element_now(element);
    if (!now)
        return status ? status : element->m->error.status;
    return finish(element, conf_unset(element->m->conf, now, attribute, &d), &d);
}

/* ---- locks ---- */

static MUST_USE int check_lock_name(struct sp_element *e, const char *name)
{
    if (!e || !name)
        return SP_ERR_HANDLE;
    return conf_is_lock_name(slice_str(name)) ? SP_OK
                                              : manager_refuse(e->m, SP_ERR_NOT_FOUND, e, "", "'%s' is no lock", name);
}

const char *sp_element_get_lock(struct sp_element *element, const char *name)
{
    if (check_lock_name(element, name))
        return "";
    struct conf_element *now = element->draft ? NULL : element_now(element);
    struct slice written = element->draft ? conf_draft_written(element->draft, name)
                           : now          ? conf_lock_text(now, name)
                                          : SLICE_NONE;
    const char *kept = manager_keep(element->m, written.ptr ? written : SLICE_LITERAL(""));
    return kept ? kept : "";
}

int sp_element_set_lock(struct sp_element *element, const char *name, const char *value)
{
    int status = check_lock_name(element, name);
    if (status || !value)
        return status ? status : SP_ERR_HANDLE;
    return value[0] ? write_value(element, name, slice_str(value)) : sp_element_unset(element, name);
}

bool sp_element_is_locked(struct sp_element *element, const char *attribute)
{
    struct conf_element *now = element && attribute && !element->draft ? element_now(element) : NULL;
    return now && conf_attr_is_locked(now, attribute);
}

/* ---- the schema ---- */

/* Any attached element with the schema of `e`: a draft's is asked from the collection it was made for. */
bool sp_element_attribute_at(struct sp_element *element, size_t index, struct sp_attribute *attribute_out)
{
    struct conf_schema_attr a;
    struct conf_element *now = element && !element->draft ? element_now(element) : NULL;
    bool found = now ? conf_schema_attr_at(now, index, &a)
                     : element && element->draft && conf_draft_schema_attr_at(element->draft, index, &a);
    if (!found)
        return false;
    *attribute_out = (struct sp_attribute){
        .name = a.name,
        .type = a.type,
        .default_text = a.default_text,
        .allowed = a.allowed,
        .is_required = a.required,
        .is_key = a.key,
        .is_encrypted = a.encrypted,
        .is_runtime = a.runtime,
    };
    return true;
}

const char *sp_element_child_at(struct sp_element *element, size_t index)
{
    bool is_collection;
    if (!element)
        return NULL;
    if (element->draft)
        return conf_draft_schema_child_at(element->draft, index);
    struct conf_element *now = element_now(element);
    return now ? conf_schema_child_at(now, index, &is_collection) : NULL;
}
