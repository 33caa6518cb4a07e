/* fixed.c - see fixed.h. */
#include "broker/fixed.h"

#include <stdlib.h>

struct fixed_account {
    struct fixed_account *next;
    uint32_t site;
    struct text path, user;
    struct shared_identity *who; /* NULL: nobody */
};

int fixed_init(struct fixed_accounts *f)
{
    *f = (struct fixed_accounts){ 0 };
    return pthread_mutex_init(&f->lock, NULL) ? ERR_SYS : 0;
}

static void account_free(struct fixed_account *a)
{
    text_free(&a->path);
    text_free(&a->user);
    shared_identity_unref(a->who);
    free(a);
}

void fixed_free(struct fixed_accounts *f)
{
    while (f->first) {
        struct fixed_account *a = f->first;
        f->first = a->next;
        account_free(a);
    }
    pthread_mutex_destroy(&f->lock);
}

/* With the lock held. */
static struct fixed_account *look(struct fixed_accounts *f, uint32_t site, struct slice path, struct slice user)
{
    for (struct fixed_account *a = f->first; a; a = a->next)
        if (a->site == site && slice_equal(text_slice(&a->path), path) && slice_equal(text_slice(&a->user), user))
            return a;
    return NULL;
}

static struct fixed_account *account_new(const struct grant_fixed *m)
{
    struct fixed_account *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->site = m->site;
    text_add(&a->path, m->path);
    text_add(&a->user, m->user);
    if (!text_error(&a->path) && !text_error(&a->user))
        return a;
    account_free(a);
    return NULL;
}

int fixed_set(struct fixed_accounts *f, const struct grant_fixed *m, uint32_t uid_floor)
{
    struct shared_identity *who = NULL;
    int err = m->accepted ? shared_identity_new(m->uid, m->gid, m->groups, &who) : 0;
    if (!err && who && !identity_is_allowed(&who->who, uid_floor))
        err = ERR_DENIED;
    if (err) {
        shared_identity_unref(who);
        who = NULL;
    }
    pthread_mutex_lock(&f->lock);
    struct fixed_account *a = look(f, m->site, m->path, m->user);
    if (!a && (a = account_new(m))) {
        a->next = f->first;
        f->first = a;
    }
    struct shared_identity *old = a ? a->who : who;
    if (a)
        a->who = who;
    pthread_mutex_unlock(&f->lock);
    shared_identity_unref(old);
    return err ? err : a ? 0 : ERR_NOMEM;
}

int fixed_find(struct fixed_accounts *f, uint32_t site, struct slice path, struct slice user, struct shared_identity **who_out)
{
    pthread_mutex_lock(&f->lock);
    const struct fixed_account *a = look(f, site, path, user);
    struct shared_identity *who = a && a->who ? shared_identity_ref(a->who) : NULL;
    pthread_mutex_unlock(&f->lock);
    if (!who)
        return ERR_DENIED;
    *who_out = who;
    return 0;
}

int fixed_of_place(struct fixed_accounts *f, const struct place *p, struct shared_identity **who_out)
{
    *who_out = NULL;
    if (!p->directory || !p->directory->user_name.len)
        return 0;
    return fixed_find(f, p->site->id, snapshot_text(p->snapshot, p->directory->path),
                      snapshot_text(p->snapshot, p->directory->user_name), who_out);
}
