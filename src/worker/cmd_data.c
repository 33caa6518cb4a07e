/* cmd_data.c - verbs that prepare a data channel or a transfer: PORT EPRT PASV EPSV TYPE MODE STRU REST ALLO. */
#include <stdio.h>

#include "ftp/address.h"
#include "ftp/value.h"
#include "policy/address_rules.h"
#include "worker/run.h"

static struct data_rules rules_of(const struct session *s)
{
    const struct snap_server *server = session_server(s);
    const struct snap_site *site = s->site;
    bool own = site->low_data_port || site->high_data_port;
    return (struct data_rules){
        .low_port = (uint16_t)(own ? site->low_data_port : server->low_data_port),
        .high_port = (uint16_t)(own ? site->high_data_port : server->high_data_port),
        .session = s->id,
        .match_pasv = site->match_address_for_pasv,
        .match_port = site->match_address_for_port,
        .require_resumption = site->require_data_resumption,
        .require_certificate = s->pinned_site->client_cert_policy == CERT_REQUIRE,
        .timeout_ms = site->data_channel_timeout * 1000,
    };
}

static void replace_data(struct session *s, struct data *d)
{
    data_free(s->data);
    s->data = d;
}

/* After EPSV ALL only EPSV is left (RFC 2428 section 4, threats.md P34). */
static bool refuse_after_epsv_all(struct session *s, struct run *r)
{
    if (s->epsv_all)
        answer(s, r, REPLY_BAD_SEQUENCE);
    return s->epsv_all;
}

static const char *family_list(const struct session *s)
{
    return s->local.family == 6 ? "2" : "1";
}

/* ---- active ---- */

/* A refused or malformed address leaves the earlier data channel as it was (threats.md P26). */
static void take_target(struct session *s, struct run *r, const struct net_addr *target, const char *verb)
{
    struct data *d;
    struct data_rules rules = rules_of(s);
    int err = data_target(s->worker->hub, &rules, &s->local, &s->peer, target, &d);
    if (!err) {
        replace_data(s, d);
        answer_with(s, r, REPLY_DONE_200, slice_str(verb));
    } else if (err == ERR_UNSUPPORTED) {
        answer_with(s, r, REPLY_BAD_FAMILY, slice_str(family_list(s)));
    } else {
        r->win32 = WIN_INVALID_PARAMETER;
        r->substatus = err == ERR_DENIED ? SUB_DATA_ADDRESS : SUB_NONE;
        answer(s, r, REPLY_BAD_ADDRESS);
    }
}

void cmd_port(struct session *s, struct run *r)
{
    struct net_addr target;
    if (refuse_after_epsv_all(s, r))
        return;
    if (address_parse_port(run_argument(r), &target))
        answer(s, r, REPLY_INVALID_PARAMETER);
    else
        take_target(s, r, &target, "PORT");
}

void cmd_eprt(struct session *s, struct run *r)
{
    struct net_addr target;
    if (refuse_after_epsv_all(s, r))
        return;
    int err = address_parse_eprt(run_argument(r), &target);
    if (err == ERR_UNSUPPORTED)
        answer_with(s, r, REPLY_BAD_FAMILY, slice_str(family_list(s)));
    else if (err)
        answer(s, r, REPLY_INVALID_PARAMETER);
    else
        take_target(s, r, &target, "EPRT");
}

/* ---- passive ---- */

static MUST_USE int listen_for_data(struct session *s, struct run *r)
{
    struct data *d;
    struct data_rules rules = rules_of(s);
    replace_data(s, NULL); /* the old listener gives its port back first (threats.md D05) */
    int err = data_listen(s->worker->hub, &rules, &s->local, &s->peer, &d);
    if (err)
        answer(s, r, REPLY_NO_DATA);
    else
        s->data = d;
    return err;
}

/* What the list tells this client: an address, "" none. */
static struct slice listed_address(const struct session *s, struct snap_range list)
{
    const struct snapshot *view = s->generation->snapshot;
    for (uint32_t i = 0; i < list.count; i++) {
        const struct snap_external *e = snapshot_external(view, list.first + i);
        if (e->network && address_rule_matches(snapshot_address(view, e->network - 1), &s->peer))
            return snapshot_text(view, e->address);
    }
    return SLICE_NONE;
}

/* The site's list, the server's, externalIp4Address, or the address that the client dialled. */
static struct net_addr passive_address(const struct session *s)
{
    struct slice text = listed_address(s, s->site->externals);
    struct net_addr address;
    if (!text.len)
        text = listed_address(s, session_server(s)->externals);
    if (!text.len)
        text = session_text(s, s->site->external_ip4_address);
    return net_addr_parse(text, &address) == 0 && address.family == 4 ? address : s->local;
}

void cmd_pasv(struct session *s, struct run *r)
{
    OWNED_TEXT_BUFFER where = { 0 };
    if (refuse_after_epsv_all(s, r))
        return;
    if (s->local.family != 4) {
        answer_with(s, r, REPLY_BAD_FAMILY, SLICE_LITERAL("2"));
        return;
    }
    if (listen_for_data(s, r))
        return;
    struct net_addr address = passive_address(s);
    address.port = data_port(s->data);
    address_print_pasv(&address, &where);
    answer_with(s, r, REPLY_PASV, text_slice(&where));
}

void cmd_epsv(struct session *s, struct run *r)
{
    enum epsv_kind kind;
    char port[8];
    int err = address_parse_epsv(run_argument(r), &kind);
    if (!err && kind == EPSV_ALL && !(s->generation->extensions & (1u << EXT_EPSV)))
        err = ERR_SYNTAX;
    bool other_family = !err && ((kind == EPSV_IPV4 && s->local.family != 4) || (kind == EPSV_IPV6 && s->local.family != 6));
    if (err == ERR_UNSUPPORTED || other_family) {
        answer_with(s, r, REPLY_BAD_FAMILY, slice_str(family_list(s)));
    } else if (err) {
        answer(s, r, REPLY_INVALID_PARAMETER);
    } else if (kind == EPSV_ALL) {
        s->epsv_all = true;
        answer(s, r, REPLY_EPSV_ALL);
    } else if (!listen_for_data(s, r)) {
        snprintf(port, sizeof port, "%u", data_port(s->data));
        answer_with(s, r, REPLY_EPSV, slice_str(port));
    }
}

/* ---- parameters ---- */

void cmd_type(struct session *s, struct run *r)
{
    struct slice form = slice_trim(run_argument(r));
    struct slice type = slice_cut(&form, ' ');
    char c = type.len == 1 ? ascii_upper(type.ptr[0]) : 0;
    bool plain = !form.ptr || !form.len || (c == 'A' && slice_equal_fold_str(slice_trim(form), "N"));
    if ((c == 'A' || c == 'I') && plain) {
        s->type_ascii = c == 'A';
        answer_with(s, r, REPLY_TYPE, slice_of(&c, 1));
    } else {
        answer(s, r, c == 'A' || c == 'I' || c == 'E' || c == 'L' ? REPLY_PARAMETER : REPLY_INVALID_PARAMETER);
    }
}

/* MODE and STRU know one value each. */
static void only_value(struct session *s, struct run *r, char value, const char *others, enum reply_id done)
{
    struct slice word = slice_trim(run_argument(r));
    char c = word.len == 1 ? ascii_upper(word.ptr[0]) : 0;
    if (c == value)
        answer_with(s, r, done, slice_of(&c, 1));
    else
        answer(s, r, c && strchr(others, c) ? REPLY_PARAMETER : REPLY_INVALID_PARAMETER);
}

void cmd_mode(struct session *s, struct run *r)
{
    only_value(s, r, 'S', "BCZ", REPLY_MODE);
}

void cmd_stru(struct session *s, struct run *r)
{
    only_value(s, r, 'F', "RP", REPLY_STRU);
}

void cmd_rest(struct session *s, struct run *r)
{
    char number[24];
    uint64_t offset;
    if (value_parse_offset(slice_trim(run_argument(r)), &offset)) {
        answer(s, r, REPLY_INVALID_PARAMETER);
        return;
    }
    s->rest = offset;
    snprintf(number, sizeof number, "%llu", (unsigned long long)offset);
    answer_with(s, r, REPLY_REST, slice_str(number));
}

void cmd_allo(struct session *s, struct run *r)
{
    uint64_t size;
    struct slice rest = slice_trim(run_argument(r));
    struct slice first = slice_cut(&rest, ' ');
    if (slice_to_u64(first, INT64_MAX, &size))
        answer(s, r, REPLY_INVALID_PARAMETER);
    else
        answer_with(s, r, REPLY_DONE_202, SLICE_LITERAL("ALLO"));
}
