/*
 * log_on.c - whether a password is that of an account, and where the account's home is.
 *
 * The name is looked up first and the bind made as the DN that was found, so that the account which is judged afterwards is
 * the one that gave the password, whatever the controller would make of the name.  Three things are not left to the
 * controller.  An empty password never reaches it: such a bind succeeds for anybody (threats.md L02).  A name that means
 * nobody still costs a bind, so that the time does not tell who exists (A01).  And where the domain locks accounts, an
 * account that has one wrong attempt left is not tried: whoever guesses passwords here must not lock people out
 * elsewhere (A05).  For that the attempts on one account are made one after the other.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/own.h"
#include "directory/directory_priv.h"
#include "directory/text_forms.h"

enum { NAME_MAX_LEN = 1024, HOME_PATH_MAX = 2048 };

/* ---- who is meant ---- */

struct meaning {
    const char *attribute;  /* sAMAccountName or userPrincipalName */
    struct slice value;
};

/* The ways to read a name, the first that finds somebody counts.  0: it is not of this domain. */
static size_t read_name(const struct domain *domain, const struct directory_logon *logon, struct meaning out[2])
{
    struct slice name = logon->name;
    size_t backslash = slice_find(name, '\\'), at = slice_find_last(name, '@'), count = 0;
    if (!name.len || name.len > NAME_MAX_LEN || slice_has_control(name) || !slice_is_utf8(name))
        return 0;
    if (backslash != SIZE_MAX) {
        if (domain_is(domain, slice_first(name, backslash)))
            out[count++] = (struct meaning){ "sAMAccountName", slice_from(name, backslash + 1) };
    } else if (at != SIZE_MAX) {
        out[count++] = (struct meaning){ "userPrincipalName", name };
        if (domain_is(domain, slice_from(name, at + 1)))
            out[count++] = (struct meaning){ "sAMAccountName", slice_first(name, at) };
    } else if (domain_is(domain, logon->domain)) {
        out[count++] = (struct meaning){ "sAMAccountName", name };
    }
    return count;
}

/* The one account whose attribute has the value, spelled so: a directory ignores accents and trailing blanks. */
static enum directory_verdict find(struct directory *d, const struct domain *domain, const struct meaning *m,
                                   struct text *steps, struct hit *hit)
{
    const char *const wanted[] = { "objectSid", m->attribute, NULL };
    OWNED_TEXT_BUFFER filter = { 0 };
    text_add_str(&filter, "(&");
    filter_add_person(&filter, domain);
    text_addf(&filter, "(%s=", m->attribute);
    ldap_text_add_filter(&filter, m->value);
    text_add_str(&filter, "))");
    if (text_error(&filter))
        return DIRECTORY_UNAVAILABLE;
    const struct ldap_query query = { domain->base, LDAP_SCOPE_SUBTREE, text_str(&filter), wanted, 2 };
    OWNED_ANSWER answer = { 0 };
    int err = m->value.len ? ldap_pool_search(d->pool, &query, steps, &answer) : ERR_NOT_FOUND;
    if (err)
        return err == ERR_NOT_FOUND ? DIRECTORY_NONE : err == ERR_LIMIT ? DIRECTORY_AMBIGUOUS : DIRECTORY_UNAVAILABLE;
    LDAPMessage *found = NULL;
    for (LDAPMessage *entry = NULL; (entry = ldap_answer_next(&answer, entry));) {
        OWNED_TEXT_BUFFER value = { 0 };
        if (!ldap_answer_text(&answer, entry, m->attribute, &value) || !fold_equal(text_slice(&value), m->value))
            continue;
        if (found)
            return DIRECTORY_AMBIGUOUS; /* threats.md L03 */
        found = entry;
    }
    OWNED_TEXT_BUFFER sid = { 0 };
    if (!found)
        return DIRECTORY_NONE;
    if (!ldap_answer_text(&answer, found, "objectSid", &sid) || ldap_text_add_sid(&hit->sid, text_slice(&sid)) ||
        ldap_answer_dn(&answer, found, &hit->dn) || text_error(&hit->sid))
        return DIRECTORY_UNAVAILABLE;
    return DIRECTORY_FOUND;
}

/* ---- one after the other ---- */

struct busy {
    struct busy *next;
    struct slice sid;
};

static void take_turn(struct directory *d, struct busy *mine)
{
    pthread_mutex_lock(&d->lock);
    for (struct busy *b = d->busy; b;) {
        if (!slice_equal(b->sid, mine->sid)) {
            b = b->next;
            continue;
        }
        pthread_cond_wait(&d->free, &d->lock);
        b = d->busy;
    }
    mine->next = d->busy;
    d->busy = mine;
    pthread_mutex_unlock(&d->lock);
}

static void end_turn(struct directory *d, struct busy *mine)
{
    pthread_mutex_lock(&d->lock);
    struct busy **at = &d->busy;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    pthread_cond_broadcast(&d->free);
    pthread_mutex_unlock(&d->lock);
}

/* ---- the password ---- */

/* FILETIME: 100 ns since 1601. */
static int64_t filetime_now(void)
{
    return clock_read(CLOCK_REALTIME) / 100 + 11644473600 * 10000000;
}

/* Whether the next wrong password would lock the account; attempts that the domain has forgotten do not count. */
static enum directory_verdict spare(struct directory *d, struct slice dn, struct text *steps)
{
    static const char *const wanted[] = { "badPwdCount", "badPasswordTime", NULL };
    OWNED_TEXT_BUFFER base = { 0 };
    OWNED_ANSWER answer = { 0 };
    struct lockout lockout;
    if (d->no_lockout_protection)
        return DIRECTORY_FOUND;
    if (directory_lockout(d, steps, &lockout))
        return DIRECTORY_UNAVAILABLE;
    if (lockout.threshold < 2)
        return DIRECTORY_FOUND;
    text_add(&base, dn);
    const struct ldap_query query = { text_str(&base), LDAP_SCOPE_BASE, NULL, wanted, 1 };
    int err = text_error(&base) ? text_error(&base) : ldap_pool_search(d->pool, &query, steps, &answer);
    LDAPMessage *entry = err ? NULL : ldap_answer_next(&answer, NULL);
    if (!entry)
        return err == ERR_NOT_FOUND || !err ? DIRECTORY_NONE : DIRECTORY_UNAVAILABLE;
    int64_t count = ldap_answer_number(&answer, entry, "badPwdCount", 0);
    int64_t last = ldap_answer_number(&answer, entry, "badPasswordTime", 0);
    if (lockout.window != INT64_MIN && last - lockout.window < filetime_now())
        count = 0;
    return count + 1 >= lockout.threshold ? DIRECTORY_SPARED : DIRECTORY_FOUND;
}

/* What Active Directory says about a refused bind, in hexadecimal as it does. */
static enum directory_verdict verdict_of(unsigned refusal)
{
    static const struct {
        unsigned data;
        enum directory_verdict verdict;
    } table[] = {
        { 0x530, DIRECTORY_HOURS },   { 0x531, DIRECTORY_WORKSTATION }, { 0x532, DIRECTORY_PASSWORD_OLD },
        { 0x533, DIRECTORY_DISABLED }, { 0x701, DIRECTORY_EXPIRED },    { 0x773, DIRECTORY_MUST_CHANGE },
        { 0x775, DIRECTORY_LOCKED_OUT },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].data == refusal)
            return table[i].verdict;
    return DIRECTORY_BAD_PASSWORD;
}

static enum directory_verdict bind_as(struct directory *d, struct slice dn, struct slice password, struct text *steps)
{
    unsigned refusal;
    int err = ldap_pool_bind(d->pool, dn, password, steps, &refusal);
    if (!err)
        return DIRECTORY_FOUND;
    if (err != ERR_DENIED)
        return DIRECTORY_UNAVAILABLE;
    if (steps)
        text_addf(steps, "the directory refuses the bind (data %x)\n", refusal);
    return verdict_of(refusal);
}

static enum directory_verdict try_password(struct directory *d, const struct hit *hit, struct slice password,
                                           struct text *steps)
{
    struct busy mine = { .sid = text_slice(&hit->sid) };
    take_turn(d, &mine);
    enum directory_verdict verdict = spare(d, text_slice(&hit->dn), steps);
    if (verdict == DIRECTORY_FOUND)
        verdict = bind_as(d, text_slice(&hit->dn), password, steps);
    end_turn(d, &mine);
    return verdict;
}

static void pretend(struct directory *d, const struct domain *domain, struct slice password)
{
    OWNED_TEXT_BUFFER dn = { 0 };
    text_addf(&dn, "CN=sallyport-nobody,%s", domain->base);
    if (!text_error(&dn))
        (void)bind_as(d, text_slice(&dn), password, NULL);
}

/* ---- public questions ---- */

static enum directory_verdict find_first(struct directory *d, const struct domain *domain, const struct meaning *meanings,
                                         size_t count, struct text *steps, struct hit *hit)
{
    enum directory_verdict verdict = DIRECTORY_NONE;
    for (size_t i = 0; i < count && verdict == DIRECTORY_NONE; i++)
        verdict = find(d, domain, &meanings[i], steps, hit);
    return verdict;
}

enum directory_verdict directory_name(struct directory *d, const struct directory_logon *logon, const struct mapping_rules *rules,
                                      struct slice role_names, struct text *steps, struct directory_account *account_out)
{
    const struct domain *domain;
    struct meaning meanings[2];
    struct hit hit = { 0 };
    int64_t created;
    if (directory_domain(d, steps, &domain))
        return DIRECTORY_UNAVAILABLE;
    size_t count = read_name(domain, logon, meanings);
    enum directory_verdict verdict = find_first(d, domain, meanings, count, steps, &hit);
    if (verdict == DIRECTORY_FOUND)
        verdict = directory_complete(d, &hit, rules, role_names, steps, account_out, &created);
    hit_free(&hit);
    return verdict;
}

enum directory_verdict directory_log_on(struct directory *d, const struct directory_logon *logon, const struct mapping_rules *rules,
                                        struct slice role_names, struct text *steps, struct directory_account *account_out)
{
    const struct domain *domain;
    struct meaning meanings[2];
    struct hit hit = { 0 };
    int64_t created;
    if (!logon->password.len || slice_has_byte(logon->password, 0))
        return DIRECTORY_BAD_PASSWORD;
    if (directory_domain(d, steps, &domain))
        return DIRECTORY_UNAVAILABLE;
    size_t count = read_name(domain, logon, meanings);
    enum directory_verdict verdict = find_first(d, domain, meanings, count, steps, &hit);
    if (verdict == DIRECTORY_FOUND)
        verdict = try_password(d, &hit, logon->password, steps);
    else if (verdict == DIRECTORY_NONE && count)
        pretend(d, domain, logon->password);
    if (verdict == DIRECTORY_FOUND)
        verdict = directory_complete(d, &hit, rules, role_names, steps, account_out, &created);
    hit_free(&hit);
    return verdict;
}

enum directory_verdict directory_prove(struct directory *d, const struct directory_account *account, struct slice password,
                                       struct text *steps)
{
    struct hit hit = { 0 };
    if (!password.len || slice_has_byte(password, 0))
        return DIRECTORY_BAD_PASSWORD;
    text_add(&hit.dn, account->dn);
    text_add(&hit.sid, account->sid);
    enum directory_verdict verdict = text_error(&hit.dn) || text_error(&hit.sid) ? DIRECTORY_UNAVAILABLE
                                                                                   : try_password(d, &hit, password, steps);
    hit_free(&hit);
    return verdict;
}

static enum directory_verdict find_sid(struct directory *d, const struct domain *domain, struct slice sid, struct text *steps,
                                       const char *const *wanted, struct ldap_answer *answer, LDAPMessage **entry_out)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    text_add_str(&filter, "(&(objectClass=user)");
    if (filter_add_sid(&filter, sid))
        return DIRECTORY_NONE;
    text_add_char(&filter, ')');
    if (text_error(&filter))
        return DIRECTORY_UNAVAILABLE;
    const struct ldap_query query = { domain->base, LDAP_SCOPE_SUBTREE, text_str(&filter), wanted, 1 };
    int err = ldap_pool_search(d->pool, &query, steps, answer);
    *entry_out = err ? NULL : ldap_answer_next(answer, NULL);
    if (err && err != ERR_NOT_FOUND)
        return DIRECTORY_UNAVAILABLE;
    return *entry_out ? DIRECTORY_FOUND : DIRECTORY_NONE;
}

enum directory_verdict directory_look_up(struct directory *d, struct slice sid, const struct mapping_rules *rules,
                                         struct slice role_names, struct text *steps, struct directory_account *account_out)
{
    static const char *const wanted[] = { "objectSid", NULL };
    const struct domain *domain;
    struct hit hit = { 0 };
    int64_t created;
    if (directory_domain(d, steps, &domain))
        return DIRECTORY_UNAVAILABLE;
    enum directory_verdict verdict;
    { /* the connection goes back before the next question */
        OWNED_ANSWER answer = { 0 };
        LDAPMessage *entry = NULL;
        verdict = find_sid(d, domain, sid, steps, wanted, &answer, &entry);
        text_add(&hit.sid, sid);
        if (verdict == DIRECTORY_FOUND && (ldap_answer_dn(&answer, entry, &hit.dn) || text_error(&hit.sid)))
            verdict = DIRECTORY_UNAVAILABLE;
    }
    if (verdict == DIRECTORY_FOUND)
        verdict = directory_complete(d, &hit, rules, role_names, steps, account_out, &created);
    hit_free(&hit);
    return verdict;
}

/* ---- homes ---- */

static void home_forget(struct cached_home *h)
{
    free(h->sid);
    free(h->root);
    free(h->dir);
    *h = (struct cached_home){ 0 };
}

void homes_forget(struct directory *d)
{
    for (size_t i = 0; i < ACCOUNT_CACHE_SLOTS; i++)
        home_forget(&d->homes[i]);
}

static bool recall_home(struct directory *d, struct slice sid, int64_t max_age_ms, struct text *root, struct text *dir)
{
    pthread_mutex_lock(&d->lock);
    const struct cached_home *h = &d->homes[slice_hash_fold(sid) % ACCOUNT_CACHE_SLOTS];
    bool known = h->sid && slice_equal_str(sid, h->sid) && clock_ms() - h->since < max_age_ms;
    if (known) {
        text_add_str(root, h->root);
        text_add_str(dir, h->dir);
    }
    pthread_mutex_unlock(&d->lock);
    return known;
}

static void remember_home(struct directory *d, struct slice sid, const struct text *root, const struct text *dir)
{
    struct cached_home made = { strndup(sid.ptr, sid.len), strdup(text_str(root)), strdup(text_str(dir)), clock_ms() };
    if (!made.sid || !made.root || !made.dir) {
        home_forget(&made);
        return;
    }
    pthread_mutex_lock(&d->lock);
    struct cached_home *h = &d->homes[slice_hash_fold(sid) % ACCOUNT_CACHE_SLOTS];
    home_forget(h);
    *h = made;
    pthread_mutex_unlock(&d->lock);
}

/* What can be no path counts as missing (threats.md L09, F06). */
static void add_path(const struct ldap_answer *answer, LDAPMessage *entry, const char *attribute, struct text *out)
{
    ldap_answer_text(answer, entry, attribute, out);
    struct slice value = text_slice(out);
    if (value.len > HOME_PATH_MAX || slice_has_control(value) || !slice_is_utf8(value))
        text_reset(out);
}

enum directory_verdict directory_home(struct directory *d, struct slice sid, int64_t max_age_ms, struct text *steps,
                                      struct text *root, struct text *dir)
{
    static const char *const wanted[] = { "msIIS-FTPRoot", "msIIS-FTPDir", NULL };
    const struct domain *domain;
    text_reset(root);
    text_reset(dir);
    if (recall_home(d, sid, max_age_ms, root, dir))
        return text_error(root) || text_error(dir) ? DIRECTORY_UNAVAILABLE : DIRECTORY_FOUND;
    if (directory_domain(d, steps, &domain))
        return DIRECTORY_UNAVAILABLE;
    OWNED_ANSWER answer = { 0 };
    LDAPMessage *entry = NULL;
    enum directory_verdict verdict = find_sid(d, domain, sid, steps, wanted, &answer, &entry);
    if (verdict != DIRECTORY_FOUND)
        return verdict;
    add_path(&answer, entry, "msIIS-FTPRoot", root);
    add_path(&answer, entry, "msIIS-FTPDir", dir);
    if (text_error(root) || text_error(dir))
        return DIRECTORY_UNAVAILABLE;
    remember_home(d, sid, root, dir);
    return DIRECTORY_FOUND;
}
