/* cmd_info.c - verbs that only tell or set something of the dialogue: FEAT HELP SYST STAT NOOP OPTS LANG SITE. */
#include "ftp/facts.h"
#include "worker/list.h"
#include "worker/run.h"

void cmd_syst(struct session *s, struct run *r)
{
    answer(s, r, REPLY_SYST);
}

void cmd_noop(struct session *s, struct run *r)
{
    answer_with(s, r, REPLY_DONE_200, SLICE_LITERAL("NOOP"));
}

void cmd_smnt(struct session *s, struct run *r)
{
    answer(s, r, REPLY_NOT_IMPLEMENTED);
}

void cmd_feat(struct session *s, struct run *r)
{
    struct reply reply = { 0 };
    const char *feature;
    reply_begin(&reply, reply_code_of(REPLY_FEAT));
    reply_row(&reply, REPLY_FEAT, SLICE_NONE);
    for (size_t i = 0; (feature = command_feature(i, s->generation->extensions, s->site->allow_utf8)); i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        text_add_str(&line, feature);
        if (!strcmp(feature, "MLST")) {
            text_add_char(&line, ' ');
            facts_print(s->mlst_facts, true, &line);
        }
        reply_inner(&reply, text_slice(&line));
    }
    reply_row(&reply, REPLY_FEAT_END, SLICE_NONE);
    answer_reply(s, r, &reply);
    reply_free(&reply);
}

/* ---- HELP ---- */

static void help_all(struct session *s, struct run *r)
{
    struct reply reply = { 0 };
    const struct command *row;
    reply_begin(&reply, reply_code_of(REPLY_HELP));
    reply_row(&reply, REPLY_HELP, SLICE_NONE);
    for (size_t i = 0; (row = command_row(i)); i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        if (row->extension && !(s->generation->extensions & (1u << row->extension)))
            continue;
        text_addf(&line, "   %s%s", row->verb, row->flags & CMD_STAR ? " *" : "");
        reply_inner(&reply, text_slice(&line));
    }
    reply_row(&reply, REPLY_HELP_END, SLICE_NONE);
    answer_reply(s, r, &reply);
    reply_free(&reply);
}

void cmd_help(struct session *s, struct run *r)
{
    struct slice word = slice_trim(run_argument(r));
    if (!word.len) {
        help_all(s, r);
        return;
    }
    const struct command *row = command_find(word, s->generation->extensions);
    if (!row) {
        answer(s, r, REPLY_PARAMETER); /* IIS reflects the word; we never do (threats.md P07) */
        return;
    }
    /* IIS echoes the verb in the case it was typed. */
    OWNED_TEXT_BUFFER line = { 0 };
    if (s->logged_in || session_server(s)->echo_before_login)
        text_add(&line, word);
    else
        text_add_str(&line, row->verb);
    text_addf(&line, " %s", row->syntax);
    answer_with(s, r, REPLY_SYNTAX, text_slice(&line));
}

/* ---- STAT ---- */

static void status_lines(const struct session *s, struct reply *reply)
{
    OWNED_TEXT_BUFFER line = { 0 };
    const struct run *transfer = s->run && s->run->is_transfer ? s->run : NULL;
    text_add_str(&line, "Connected to ");
    text_add(&line, session_text(s, s->site->name));
    reply_inner(reply, text_slice(&line));
    text_reset(&line);
    text_addf(&line, "Logged in as %s", s->anonymous ? "anonymous" : s->user);
    reply_inner(reply, text_slice(&line));
    text_reset(&line);
    text_addf(&line, "TYPE: %s; STRU: File; MODE: Stream", s->type_ascii ? "ASCII" : "Image");
    reply_inner(reply, text_slice(&line));
    text_reset(&line);
    text_addf(&line, "Control channel: %s; data channel: %s", session_is_secure(s) ? "TLS" : "clear",
              s->prot_private ? "TLS" : "clear");
    reply_inner(reply, text_slice(&line));
    text_reset(&line);
    if (transfer)
        text_addf(&line, "%s in progress, %llu bytes transferred", transfer->row->verb,
                  (unsigned long long)(transfer->transfer ? transfer_wire_bytes(transfer->transfer) : 0));
    else
        text_add_str(&line, s->data ? "Data channel prepared" : "No data channel");
    reply_inner(reply, text_slice(&line));
}

void cmd_stat(struct session *s, struct run *r)
{
    struct reply reply = { 0 };
    if (r->argument.len) {
        list_status(s, r);
        return;
    }
    reply_begin(&reply, reply_code_of(REPLY_STATUS));
    reply_row(&reply, REPLY_STATUS, SLICE_NONE);
    status_lines(s, &reply);
    reply_row(&reply, REPLY_STATUS_END, SLICE_NONE);
    answer_reply(s, r, &reply);
    reply_free(&reply);
}

/* ---- OPTS, LANG, SITE ---- */

static void opts_utf8(struct session *s, struct run *r, struct slice value)
{
    bool on = slice_equal_fold_str(value, "ON");
    if (!s->site->allow_utf8 || (!on && !slice_equal_fold_str(value, "OFF")))
        answer(s, r, REPLY_INVALID_PARAMETER);
    else
        answer_with(s, r, REPLY_UTF8, on ? SLICE_LITERAL("ON") : SLICE_LITERAL("OFF"));
}

static void opts_mlst(struct session *s, struct run *r, struct slice value)
{
    OWNED_TEXT_BUFFER chosen = { 0 };
    if (!(s->generation->extensions & (1u << EXT_MLST))) {
        answer(s, r, REPLY_INVALID_PARAMETER);
        return;
    }
    s->mlst_facts = (uint8_t)facts_parse(value);
    facts_print(s->mlst_facts, false, &chosen);
    answer_with(s, r, REPLY_MLST_OPTS, text_slice(&chosen));
}

void cmd_opts(struct session *s, struct run *r)
{
    struct slice value = slice_trim(run_argument(r));
    struct slice feature = slice_cut(&value, ' ');
    value = slice_trim(value);
    if (slice_equal_fold_str(feature, "UTF8") || slice_equal_fold_str(feature, "UTF-8"))
        opts_utf8(s, r, value);
    else if (slice_equal_fold_str(feature, "MLST"))
        opts_mlst(s, r, value);
    else
        answer(s, r, REPLY_INVALID_PARAMETER);
}

/* English is all there is (RFC 2640 section 4.1); the argument is never repeated (threats.md P07). */
void cmd_lang(struct session *s, struct run *r)
{
    struct slice tag = slice_trim(run_argument(r));
    bool english = !tag.len || slice_equal_fold_str(tag, "EN") || slice_starts_fold(tag, SLICE_LITERAL("EN-"));
    if (english)
        answer_with(s, r, REPLY_LANG, SLICE_LITERAL("EN"));
    else
        answer(s, r, REPLY_PARAMETER);
}

static void site_dirstyle(struct session *s, struct run *r)
{
    s->dir_style_changed = !s->dir_style_changed;
    answer_with(s, r, REPLY_DIRSTYLE, session_lists_unix(s) ? SLICE_LITERAL("off") : SLICE_LITERAL("on"));
}

static void site_help(struct session *s, struct run *r);

/* The whole of SITE: nothing in it touches a file (threats.md P24). */
static const struct {
    const char *name;
    command_run *run;
} site_commands[] = {
    { "DIRSTYLE", site_dirstyle },
    { "HELP", site_help },
};

static void site_help(struct session *s, struct run *r)
{
    struct reply reply = { 0 };
    reply_begin(&reply, reply_code_of(REPLY_SITE_HELP));
    reply_row(&reply, REPLY_SITE_HELP, SLICE_NONE);
    for (size_t i = 0; i < sizeof site_commands / sizeof site_commands[0]; i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        text_addf(&line, "   %s", site_commands[i].name);
        reply_inner(&reply, text_slice(&line));
    }
    reply_row(&reply, REPLY_HELP_END, SLICE_NONE);
    answer_reply(s, r, &reply);
    reply_free(&reply);
}

void cmd_site(struct session *s, struct run *r)
{
    struct slice rest = slice_trim(run_argument(r));
    struct slice word = slice_cut(&rest, ' ');
    for (size_t i = 0; i < sizeof site_commands / sizeof site_commands[0]; i++)
        if (slice_equal_fold_str(word, site_commands[i].name)) {
            site_commands[i].run(s, r);
            return;
        }
    answer(s, r, REPLY_NOT_UNDERSTOOD);
}
