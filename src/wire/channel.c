/* channel.c - judging a datagram by its channel's table. */
#include "wire/channel.h"

static const struct {
    unsigned role;
    const char *name;
} roles[] = {
    { ROLE_SUPERVISOR, "supervisor" }, { ROLE_LOADER, "loader" }, { ROLE_WORKER, "worker" },
    { ROLE_BROKER, "broker" },         { ROLE_AUTH, "auth" },     { ROLE_PAM, "pam" },
    { ROLE_MEMBERSHIP, "membership" }, { ROLE_LOGGER, "logger" },
            { ROLE_CLI, "sallyport" },
};

const char *role_name(unsigned role)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "?";
}

static const struct wire_message *find(const struct wire_channel *c, uint16_t number)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->messages[i].number == number)
            return &c->messages[i];
    return NULL;
}

int wire_channel_accept(const struct wire_channel *c, unsigned sender, struct slice datagram, unsigned fds,
                        const struct wire_message **message_out, struct wire_in *fields_out)
{
    struct wire_in in = wire_in_of(datagram.ptr, datagram.len);
    uint16_t number = (uint16_t)wire_get_number(&in, 2, UINT16_MAX);
    if (in.err)
        return in.err;
    const struct wire_message *m = find(c, number);
    if (!m)
        return ERR_SYNTAX;
    if (!(m->senders & sender))
        return ERR_DENIED;
    if (fds > m->fds_max)
        return ERR_LIMIT;
    struct wire_in fields = wire_in_of(in.ptr + in.at, in.len - in.at);
    struct wire_in trial = fields;
    int err = m->check(&trial);
    if (err)
        return err;
    *message_out = m;
    *fields_out = fields;
    return 0;
}
