/* standing.c - see standing.h. */
#include "broker/standing.h"

#include <stdlib.h>

static int fill(struct standing *as, const struct grant_give *m, uint32_t uid_floor)
{
    as->site = m->site;
    as->client = m->client;
    as->account = (enum grant_account)m->account;
    as->is_anonymous = m->account == GRANT_ANONYMOUS;
    text_add(&as->client_name, m->client_name);
    text_add(&as->user, m->user);
    if (m->account == GRANT_DOMAIN) {
        text_add(&as->domain, m->domain);
        text_add(&as->principal, m->principal);
    }
    text_add(&as->alias, m->alias);
    text_add(&as->roles, m->roles);
    text_add(&as->home_root, m->home_root);
    text_add(&as->home_dir, m->home_dir);
    text_add(&as->memo, m->memo);
    if (text_error(&as->memo) || text_error(&as->home_root) || text_error(&as->home_dir))
        return ERR_NOMEM;
    if (text_error(&as->user) || text_error(&as->domain) || text_error(&as->roles))
        return ERR_NOMEM;
    if (text_error(&as->alias) || text_error(&as->principal))
        return ERR_NOMEM;
    /* A domain account without its domain would match the rules of local ones. */
    if (m->account == GRANT_DOMAIN && m->domain.len == 0)
        return ERR_DENIED;
    if (m->identity != GRANT_SYSTEM)
        return 0;
    as->identity = (struct identity){ .is_system = true, .uid = m->uid, .gid = m->gid };
    int err = identity_take_groups(m->groups, &as->identity);
    if (err)
        return err;
    return identity_is_allowed(&as->identity, uid_floor) ? 0 : ERR_DENIED;
}

int standing_new(const struct grant_give *m, uint32_t uid_floor, struct standing **standing_out)
{
    struct standing *as = calloc(1, sizeof *as);
    if (!as)
        return ERR_NOMEM;
    atomic_init(&as->holders, 1);
    int err = fill(as, m, uid_floor);
    if (err) {
        standing_unref(as);
        return err;
    }
    *standing_out = as;
    return 0;
}

struct standing *standing_ref(struct standing *as)
{
    atomic_fetch_add(&as->holders, 1);
    return as;
}

void standing_unref(struct standing *as)
{
    if (!as || atomic_fetch_sub(&as->holders, 1) != 1)
        return;
    struct text *const texts[] = { &as->user, &as->domain, &as->alias, &as->principal, &as->roles, &as->memo, &as->client_name,
                                   &as->home_root, &as->home_dir, &as->physical, &as->below, &as->home, &as->start };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        text_free(texts[i]);
    free(as->identity.groups);
    free(as);
}

struct place_view standing_view(const struct standing *as)
{
    return (struct place_view){ .home = text_slice(&as->home), .domain = text_slice(&as->domain),
                                .physical = text_slice(&as->physical), .below = text_slice(&as->below) };
}

struct authorization_subject standing_subject(const struct standing *as)
{
    return (struct authorization_subject){ .user = text_slice(&as->user), .domain = text_slice(&as->domain),
                                           .alias = text_slice(&as->alias), .principal = text_slice(&as->principal),
                                           .anonymous = as->is_anonymous, .system = as->account == GRANT_LOCAL,
                                           .roles = text_slice(&as->roles) };
}
