/* conversation.c - see conversation.h. */
#include "pam/conversation.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/secret.h"

enum { GROUPS_MAX = GROUPS_LIMIT / 4, NSS_BUFFER_MAX = 16 * 1024 * 1024 };

/* ---- what PAM asks ---- */

static void free_responses(struct pam_response *responses, int count)
{
    for (int i = 0; i < count; i++) {
        if (responses[i].resp)
            secret_wipe(responses[i].resp, strlen(responses[i].resp));
        free(responses[i].resp);
    }
    free(responses);
}

/* Only one question has an answer here: the password.  A module that asks for more, a second factor or a new password,
 * cannot be served over FTP, and guessing an answer would be worse than refusing. */
static int converse(int count, const struct pam_message **messages, struct pam_response **responses_out, void *context)
{
    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    struct pam_response *responses = calloc((size_t)count, sizeof *responses);
    if (!responses)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style;
        if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG)
            continue;
        if (style == PAM_PROMPT_ECHO_OFF)
            responses[i].resp = strdup(context);
        if (!responses[i].resp) {
            free_responses(responses, count);
            return PAM_CONV_ERR;
        }
    }
    *responses_out = responses;
    return PAM_SUCCESS;
}

/* pam_unix and others ask for a delay after failures; the caller evens out times without holding this thread. */
static void no_delay(int status, unsigned usec, void *context)
{
    (void)status;
    (void)usec;
    (void)context;
}

/* What says nothing about the account is "unavailable".  PAM_SYSTEM_ERR is not among it: pam_exec refuses with it. */
static enum pam_verdict verdict_of(int status)
{
    switch (status) {
    case PAM_SUCCESS:
        return PAM_VERDICT_OK;
    case PAM_AUTHINFO_UNAVAIL:
    case PAM_BUF_ERR:
    case PAM_SERVICE_ERR:
    case PAM_OPEN_ERR:
    case PAM_SYMBOL_ERR:
    case PAM_ABORT:
        return PAM_VERDICT_UNAVAILABLE;
    default:
        return PAM_VERDICT_DENIED;
    }
}

static int set_items(pam_handle_t *pam, const char *rhost)
{
    const union {
        void (*function)(int, unsigned, void *);
        const void *item;
    } delay = { no_delay };
    int status = pam_set_item(pam, PAM_RHOST, rhost);
    if (status == PAM_SUCCESS)
        status = pam_set_item(pam, PAM_TTY, "ftp");
    if (status == PAM_SUCCESS)
        status = pam_set_item(pam, PAM_FAIL_DELAY, delay.item);
    return status;
}

/* Modules may spell the name otherwise than it was typed: what they settled on counts. */
static int settled_user(pam_handle_t *pam, char user_out[NAME_LIMIT + 1])
{
    const void *item = NULL;
    int status = pam_get_item(pam, PAM_USER, &item);
    if (status != PAM_SUCCESS || !item || strlen(item) > NAME_LIMIT)
        return PAM_SYSTEM_ERR;
    strcpy(user_out, item);
    return PAM_SUCCESS;
}

struct question {
    char service[65], user[NAME_LIMIT + 1], rhost[65], password[SECRET_LIMIT + 1];
    bool vouched; /* a certificate has proved who it is */
};

static int authenticate(const struct conversation_settings *settings, struct question *q, char user_out[NAME_LIMIT + 1])
{
    const struct pam_conv conv = { converse, q->password };
    pam_handle_t *pam = NULL;
    int status = settings->confdir ? pam_start_confdir(q->service, q->user, &conv, settings->confdir, &pam)
                                   : pam_start(q->service, q->user, &conv, &pam);
    if (status != PAM_SUCCESS)
        return status;
    status = set_items(pam, q->rhost);
    if (status == PAM_SUCCESS && !q->vouched)
        status = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (status == PAM_SUCCESS)
        status = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (status == PAM_SUCCESS)
        status = settled_user(pam, user_out);
    pam_end(pam, status | PAM_DATA_SILENT);
    return status;
}

/* ---- who the account is ---- */

/* Look a name up with a buffer that grows; *buffer is the caller's to free.  NULL with errno 0: no such account. */
static const struct passwd *find_account(const char *name, struct passwd *pw, char **buffer)
{
    for (size_t size = 4096; size <= NSS_BUFFER_MAX; size *= 4) {
        struct passwd *found = NULL;
        free(*buffer);
        *buffer = malloc(size);
        if (!*buffer)
            return NULL;
        errno = getpwnam_r(name, pw, *buffer, size, &found);
        if (errno != ERANGE)
            return found;
    }
    return NULL;
}

/* The same for a group. */
static const struct group *find_group(gid_t gid, struct group *gr, char **buffer)
{
    for (size_t size = 4096; size <= NSS_BUFFER_MAX; size *= 4) {
        struct group *found = NULL;
        free(*buffer);
        *buffer = malloc(size);
        if (!*buffer)
            return NULL;
        errno = getgrgid_r(gid, gr, *buffer, size, &found);
        if (errno != ERANGE)
            return found;
    }
    return NULL;
}

/* A group without a name is no role, and roles are told one per line, so a name with a line break in it can be none. */
static int add_group_name(struct conversation_result *r, gid_t gid)
{
    OWNED_TEXT buffer = NULL;
    struct group gr;
    const struct group *found = find_group(gid, &gr, &buffer);
    if (!found)
        return errno ? ERR_SYS : 0;
    size_t len = strlen(found->gr_name);
    if (!len || slice_has_control(slice_str(found->gr_name)))
        return 0;
    if (r->group_names_len + len + 1 > ROLES_LIMIT)
        return ERR_LIMIT;
    if (r->group_names_len)
        r->group_names[r->group_names_len++] = '\n';
    memcpy(r->group_names + r->group_names_len, found->gr_name, len);
    r->group_names_len += len;
    return 0;
}

static int add_group(struct conversation_result *r, gid_t gid)
{
    uint8_t *at = r->groups + r->groups_len;
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)((uint32_t)gid >> 8 * i);
    r->groups_len += 4;
    return add_group_name(r, gid);
}

/* All groups or none: a missing group could be the one that a rule denies. */
static int add_groups(struct conversation_result *r, const struct passwd *pw)
{
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX, err = 0;
    if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &count) < 0)
        return ERR_LIMIT;
    for (int i = 0; i < count && !err; i++)
        err = add_group(r, groups[i]);
    return err;
}

/* What find_account returned without an account: there is none, or it could not be asked. */
static enum pam_verdict verdict_of_absence(int error)
{
    return error && error != ENOENT && error != ESRCH ? PAM_VERDICT_UNAVAILABLE : PAM_VERDICT_DENIED;
}

static enum pam_verdict describe(struct conversation_result *r, const struct passwd *pw)
{
    if (pw->pw_uid == 0 || strlen(pw->pw_name) > NAME_LIMIT)
        return PAM_VERDICT_DENIED;
    r->uid = pw->pw_uid;
    r->gid = pw->pw_gid;
    strcpy(r->user, pw->pw_name);
    return add_groups(r, pw) ? PAM_VERDICT_UNAVAILABLE : PAM_VERDICT_OK;
}

/* ---- the whole ---- */

static bool is_root(const char *name)
{
    OWNED_TEXT buffer = NULL;
    struct passwd pw;
    const struct passwd *found = find_account(name, &pw, &buffer);
    return found && found->pw_uid == 0;
}

static enum pam_verdict ask(const struct conversation_settings *settings, struct question *q, struct conversation_result *r)
{
    char settled[NAME_LIMIT + 1];
    if (is_root(q->user))
        return PAM_VERDICT_DENIED;
    enum pam_verdict verdict = verdict_of(authenticate(settings, q, settled));
    if (verdict != PAM_VERDICT_OK)
        return verdict;

    OWNED_TEXT buffer = NULL;
    struct passwd pw;
    const struct passwd *found = find_account(settled, &pw, &buffer);
    return found ? describe(r, found) : verdict_of_absence(errno);
}

/* As a C string; false when it does not fit or would be cut at a NUL. */
static bool take(char *out, size_t size, struct slice s)
{
    if (s.len >= size || slice_has_byte(s, 0))
        return false;
    if (s.len)
        memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
    return true;
}

/* Who NSS says an account of the directory is, which somebody else has logged in: sssd and winbind spell such names in one of
 * two ways, as they are configured to. */
static enum pam_verdict identify(const struct pam_check *check, struct conversation_result *r)
{
    const struct slice spellings[] = { check->user, check->also };
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        OWNED_TEXT buffer = NULL;
        struct passwd pw;
        char name[NAME_LIMIT + 1];
        if (!spellings[i].len || !take(name, sizeof name, spellings[i]))
            continue;
        const struct passwd *found = find_account(name, &pw, &buffer);
        if (found)
            return describe(r, found);
        enum pam_verdict verdict = verdict_of_absence(errno);
        if (verdict != PAM_VERDICT_DENIED)
            return verdict;
    }
    return PAM_VERDICT_DENIED;
}

/* A service is a file name in the PAM folder, not a path. */
static bool is_service_name(struct slice s)
{
    return s.len > 0 && s.ptr[0] != '.' && !slice_has_byte(s, '/') && !slice_has_control(s);
}

void conversation_run(const struct conversation_settings *settings, const struct pam_check *check,
                      struct conversation_result *result_out)
{
    struct question q = { .vouched = check->vouched };
    bool whole = !check->only_identity && is_service_name(check->service) && take(q.service, sizeof q.service, check->service) &&
                 take(q.user, sizeof q.user, check->user) && take(q.rhost, sizeof q.rhost, check->rhost) &&
                 take(q.password, sizeof q.password, check->password);
    memset(result_out, 0, sizeof *result_out);
    /* An empty password is never valid, whatever pam_unix's nullok says (threats.md A09). */
    bool proved = check->vouched || check->password.len;
    enum pam_verdict verdict = check->only_identity                        ? identify(check, result_out)
                               : whole && check->user.len && proved ? ask(settings, &q, result_out)
                                                                    : PAM_VERDICT_DENIED;
    secret_wipe(&q, sizeof q);
    if (verdict != PAM_VERDICT_OK)
        memset(result_out, 0, sizeof *result_out);
    result_out->verdict = verdict;
}
