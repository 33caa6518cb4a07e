/* service.c - what only the running service knows or does, asked over its control socket. */
#include <stdio.h>

#include "control/ask.h"
#include "management/management_priv.h"

#define SITE "system.applicationHost/sites/site"

/* ---- methods ---- */

static const struct {
    const char *element, *method;
    enum control_verb verb;
    bool names_site;
} methods[] = {
    { SITE "/ftpServer",                                "Start",    CONTROL_START_SITE,  true  },
    { SITE "/ftpServer",                                "Stop",     CONTROL_STOP_SITE,   true  },
    { SITE "/ftpServer",                                "FlushLog", CONTROL_FLUSH_LOG,   true  },
    { SITE,                                             "Start",    CONTROL_START_SITE,  true  },
    { SITE,                                             "Stop",     CONTROL_STOP_SITE,   true  },
    { "system.ftpServer/caching/credentialsCache",      "Flush",    CONTROL_FLUSH_CACHE, false },
};

static const char *site_name(struct sp_element *e)
{
    while (e->kind == ELEMENT_CHILD)
        e = e->parent;
    return e->kind == ELEMENT_ITEM ? sp_element_get_text(e, "name") : "";
}

static MUST_USE int report(struct sp_element *e, int err, const struct control_answer *answer)
{
    struct diag d = { 0 };
    if (err == ERR_NOT_FOUND)
        return manager_refuse(e->m, SP_ERR_NOT_RUNNING, e, "Start it with sallyportd", "The service has not been started");
    if (err == ERR_DENIED)
        return manager_refuse(e->m, SP_ERR_DENIED, e, "", "The service does not take orders from this user");
    if (err) {
        diag_set(&d, "The service did not answer: %s", err_text(err));
        return manager_fail(e->m, ERR_SYS, &d);
    }
    int status = -(int)answer->status;
    diag_set(&d, "%s", answer->text[0] ? answer->text : err_text(status));
    if (status == ERR_CONFLICT) /* a port that somebody else has; SP_ERR_CONFLICT is about files */
        status = ERR_STATE;
    return status ? manager_fail(e->m, status, &d) : SP_OK;
}

int sp_element_invoke(struct sp_element *element, const char *method)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct control_answer answer = { 0 };
    if (!element || !method)
        return SP_ERR_HANDLE;
    if (element->draft)
        return manager_refuse(element->m, SP_ERR_STATE, element, "Add it first", "The item is in no collection yet");
    struct conf_element *now = element_now(element);
    if (!now)
        return element->m->error.status;
    if (!conf_schema_has_method(now, method))
        return manager_refuse(element->m, SP_ERR_NOT_FOUND, element, "", "'%s' has no method '%s'", conf_element_name(now),
                              method);
    element_schema_path(element, &path);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(methods[i].element, text_str(&path)) != 0 || strcmp(methods[i].method, method) != 0)
            continue;
        const char *name = methods[i].names_site ? site_name(element) : "";
        int err = control_ask(element->m->directory, methods[i].verb, slice_str(name), NULL, NULL, &answer);
        return report(element, err, &answer);
    }
    return manager_refuse(element->m, SP_ERR_UNSUPPORTED, element, "", "The service does not offer the method '%s' of '%s'",
                          method, text_str(&path));
}

/* ---- attributes ---- */

enum { STATE_STARTING, STATE_STARTED, STATE_STOPPING, STATE_STOPPED, STATE_UNKNOWN };

struct wanted_site {
    const char *name;
    unsigned state, status;
};

static void take_site(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct wanted_site *w = context;
    struct control_site site;
    if (message->number != MSG_control_site || control_site_decode(fields, &site) || !slice_equal_fold_str(site.name, w->name))
        return;
    w->state = site.state;
    w->status = site.status;
}

/* Where nothing runs every site is stopped. */
static MUST_USE int ask_site(struct sp_element *e, struct wanted_site *w)
{
    struct control_answer answer = { 0 };
    w->name = site_name(e);
    w->state = STATE_UNKNOWN;
    int err = control_ask(e->m->directory, CONTROL_LIST_SITES, SLICE_LITERAL(""), take_site, w, &answer);
    if (err == ERR_NOT_FOUND) {
        w->state = STATE_STOPPED;
        return SP_OK;
    }
    return report(e, err, &answer);
}

bool service_attribute(struct sp_element *e, const char *attribute, struct sp_value *value_out, int *status_out)
{
    static const char *const states[] = { "Starting", "Started", "Stopping", "Stopped", "Unknown" };
    OWNED_TEXT_BUFFER path = { 0 };
    struct wanted_site site = { 0 };
    bool is_state = strcmp(attribute, "state") == 0;
    if (!is_state && strcmp(attribute, "lastStartupStatus") != 0)
        return false;
    element_schema_path(e, &path);
    if (strcmp(text_str(&path), SITE "/ftpServer") != 0 && !(is_state && strcmp(text_str(&path), SITE) == 0))
        return false;
    *status_out = ask_site(e, &site);
    if (*status_out)
        return true;
    char number[16];
    snprintf(number, sizeof number, "%u", site.status);
    *value_out = (struct sp_value){
        .type = is_state ? SP_ENUM : SP_UINT,
        .origin = SP_EXPLICIT,
        .text = is_state ? states[site.state] : manager_keep(e->m, slice_str(number)),
        .number = is_state ? site.state : site.status,
    };
    return true;
}
