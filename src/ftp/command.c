/*
 * command.c - the table of verbs (ftp-behaviour.md 1.1, 1.2) and what derives from it.
 *
 * The order of the rows is the order of IIS's HELP; extensions stand behind.
 */
#include "ftp/command.h"

#define NEW PHASE_NEW
#define READY PHASE_READY
#define ANY PHASE_ANY

static const struct command commands[] = {
    /* verb   allowed ARG_      RIGHT_      flags                        DO_      EXT_      HELP verb */
#define ROW(verb, phases, argument, right, flags, handler, extension, syntax) \
    { verb, phases, ARG_##argument, RIGHT_##right, flags, DO_##handler, EXT_##extension, syntax }
    ROW("ABOR", READY, NONE,     NONE,   CMD_IN_TRANSFER,               abor, NONE, "(abort operation)"),
    ROW("ACCT", ANY,   TEXT,     NONE,   CMD_SECRET,                    acct, NONE, "(specify account)"),
    ROW("ADAT", ANY,   MAY,      NONE,   CMD_STAR | CMD_SECRET,         none, NONE, "<sp> security-data - (security data exchange)"),
    ROW("ALLO", READY, TEXT,     NONE,   0,                             allo, NONE, "<sp> size - (allocate storage)"),
    ROW("APPE", READY, PATH,     WRITE,  CMD_OPENS_DATA,                appe, NONE, "<sp> file-name - (append to file)"),
    ROW("AUTH", ANY,   TEXT,     NONE,   CMD_CLEAR,                     auth, NONE, "<sp> mechanism - (authentication mechanism)"),
    ROW("CCC",  ANY,   NONE,     NONE,   CMD_NEEDS_TLS,                 ccc,  NONE, "(clear command channel)"),
    ROW("CDUP", READY, NONE,     EITHER, 0,                             cdup, NONE, "(change to parent directory)"),
    ROW("CWD",  READY, PATH,     EITHER, 0,                             cwd,  NONE, "<sp> directory-name - (change working directory)"),
    ROW("DELE", READY, PATH,     WRITE,  0,                             dele, NONE, "<sp> file-name - (delete file)"),
    ROW("ENC",  ANY,   MAY,      NONE,   CMD_STAR | CMD_SECRET,         none, NONE, "<sp> command - (privacy protected command)"),
    ROW("EPRT", READY, TEXT,     NONE,   CMD_INFRASTRUCTURE | CMD_KEEPS_REST, eprt, NONE, "<sp> |proto|addr|port| - (extended address port)"),
    ROW("EPSV", READY, MAY,      NONE,   CMD_INFRASTRUCTURE | CMD_KEEPS_REST, epsv, NONE, "[<sp> proto] - (extended passive)"),
    ROW("FEAT", ANY,   NONE,     NONE,   CMD_CLEAR,                     feat, NONE, "(list supported features)"),
    ROW("HELP", ANY,   MAY,      NONE,   CMD_CLEAR,                     help, NONE, "[<sp> <string>] - (give help information)"),
    ROW("HOST", NEW,   TEXT,     NONE,   CMD_CLEAR,                     host, NONE, "<sp> host-name - (select virtual host)"),
    ROW("LANG", ANY,   MAY,      NONE,   0,                             lang, NONE, "[<sp> language] - (select language)"),
    ROW("LIST", READY, PATH_MAY, READ,   CMD_OPENS_DATA,                list, NONE, "[<sp> path-name] - (list files in a directory)"),
    ROW("MDTM", READY, PATH,     READ,   0,                             mdtm, NONE, "<sp> path-name - (file modification time)"),
    ROW("MIC",  ANY,   MAY,      NONE,   CMD_STAR | CMD_SECRET,         none, NONE, "<sp> command - (integrity protected command)"),
    ROW("MKD",  READY, PATH,     WRITE,  0,                             mkd,  NONE, "<sp> path-name - (create directory)"),
    ROW("MODE", READY, TEXT,     NONE,   0,                             mode, NONE, "<sp> mode - (specify transfer mode)"),
    ROW("NLST", READY, PATH_MAY, READ,   CMD_OPENS_DATA,                nlst, NONE, "[<sp> path-name] - (name list)"),
    ROW("NOOP", ANY,   MAY,      NONE,   CMD_CLEAR | CMD_IN_TRANSFER,   noop, NONE, "(no operation)"),
    ROW("OPTS", ANY,   TEXT,     NONE,   CMD_CLEAR,                     opts, NONE, "<sp> feature <sp> options - (set options)"),
    ROW("PASS", ANY,   MAY,      NONE,   CMD_SECRET | CMD_CLEAR,                   pass, NONE, "<sp> password - (specify password)"),
    ROW("PASV", READY, NONE,     NONE,   CMD_INFRASTRUCTURE | CMD_KEEPS_REST, pasv, NONE, "(set passive mode)"),
    ROW("PBSZ", ANY,   TEXT,     NONE,   CMD_NEEDS_TLS,                 pbsz, NONE, "<sp> size - (protection buffer size)"),
    ROW("PORT", READY, TEXT,     NONE,   CMD_INFRASTRUCTURE | CMD_KEEPS_REST, port, NONE, "<sp> b0,b1,b2,b3,b4,b5 - (set IP address and port)"),
    ROW("PROT", ANY,   TEXT,     NONE,   CMD_NEEDS_TLS,                 prot, NONE, "<sp> level - (data channel protection level)"),
    ROW("PWD",  READY, NONE,     NONE,   0,                             pwd,  NONE, "(return current directory)"),
    ROW("QUIT", ANY,   NONE,     NONE,   CMD_CLEAR,                     quit, NONE, "(terminate service)"),
    ROW("REIN", ANY,   NONE,     NONE,   0,                             rein, NONE, "(reinitialize server state)"),
    ROW("REST", READY, TEXT,     NONE,   CMD_KEEPS_REST,                rest, NONE, "<sp> marker - (restart transfer)"),
    ROW("RETR", READY, PATH,     READ,   CMD_OPENS_DATA,                retr, NONE, "<sp> file-name - (retrieve file)"),
    ROW("RMD",  READY, PATH,     WRITE,  0,                             rmd,  NONE, "<sp> path-name - (remove directory)"),
    ROW("RNFR", READY, PATH,     WRITE,  0,                             rnfr, NONE, "<sp> file-name - (rename from)"),
    ROW("RNTO", READY, PATH,     WRITE,  0,                             rnto, NONE, "<sp> file-name - (rename to)"),
    ROW("SITE", READY, TEXT,     NONE,   0,                             site, NONE, "<sp> command - (site-specific commands)"),
    ROW("SIZE", READY, PATH,     READ,   0,                             size, NONE, "<sp> path-name - (file size)"),
    ROW("SMNT", READY, TEXT,     NONE,   0,                             smnt, NONE, "<sp> pathname - (mount structure)"),
    ROW("STAT", READY, PATH_MAY, READ,   CMD_IN_TRANSFER,               stat, NONE, "[<sp> path-name] - (status)"),
    ROW("STOR", READY, PATH,     WRITE,  CMD_OPENS_DATA,                stor, NONE, "<sp> file-name - (store file)"),
    ROW("STOU", READY, PATH_MAY, WRITE,  CMD_OPENS_DATA,                stou, NONE, "(store unique file)"),
    ROW("STRU", READY, TEXT,     NONE,   0,                             stru, NONE, "<sp> structure - (specify file structure)"),
    ROW("SYST", ANY,   NONE,     NONE,   CMD_CLEAR,                     syst, NONE, "(get operating system type)"),
    ROW("TYPE", READY, TEXT,     NONE,   CMD_KEEPS_REST,                type, NONE, "<sp> type - (set transfer type)"),
    ROW("USER", ANY,   TEXT,     NONE,   CMD_CLEAR,                             user, NONE, "<sp> username - (specify user name)"),
    ROW("XCUP", READY, NONE,     EITHER, 0,                             cdup, NONE, "(change to parent directory)"),
    ROW("XCWD", READY, PATH,     EITHER, 0,                             cwd,  NONE, "<sp> directory-name - (change working directory)"),
    ROW("XMKD", READY, PATH,     WRITE,  0,                             mkd,  NONE, "<sp> path-name - (create directory)"),
    ROW("XPWD", READY, NONE,     NONE,   0,                             pwd,  NONE, "(return current directory)"),
    ROW("XRMD", READY, PATH,     WRITE,  0,                             rmd,  NONE, "<sp> path-name - (remove directory)"),
    ROW("MLST", READY, PATH_MAY, READ,   0,                             mlst, MLST, "[<sp> path-name] - (facts of one object)"),
    ROW("MLSD", READY, PATH_MAY, READ,   CMD_OPENS_DATA,                mlsd, MLST, "[<sp> path-name] - (facts of a directory's entries)"),
    ROW("MFMT", READY, PATH,     WRITE,  0,                             mfmt, MFMT, "<sp> time <sp> path-name - (modify modification time)"),
#undef ROW
};

const struct command *command_row(size_t i)
{
    return i < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}

/* The first letter decides nearly always. */
static bool is_verb(struct slice typed, const char *verb)
{
    return typed.len && ascii_upper(typed.ptr[0]) == verb[0] && slice_equal_fold_str(typed, verb);
}

const struct command *command_find(struct slice verb, unsigned extensions)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *c = &commands[i];
        if (is_verb(verb, c->verb))
            return c->extension == EXT_NONE || (extensions & (1u << c->extension)) ? c : NULL;
    }
    return NULL;
}

void command_split(struct slice line, struct slice *verb_out, struct slice *argument_out)
{
    struct slice rest = line;
    *verb_out = slice_cut(&rest, ' ');
    struct slice trimmed = slice_trim(rest);
    *argument_out = trimmed.len ? rest : SLICE_LITERAL("");
}

static bool is_printable(char c)
{
    return c > ' ' && c <= '~';
}

struct slice command_word(struct slice text)
{
    size_t start = 0, end;
    while (start < text.len && !is_printable(text.ptr[start]))
        start++;
    for (end = start; end < text.len && is_printable(text.ptr[end]);)
        end++;
    return slice_of(text.ptr + start, end - start);
}

bool command_is_http(struct slice verb)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE", "PATCH", "PRI" };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (is_verb(verb, methods[i]))
            return true;
    return false;
}

static const struct {
    const char *line;
    uint8_t extension;
    bool only_utf8;
} features[] = {
    { "LANG EN*", EXT_NONE, true },
    { "UTF8", EXT_NONE, true },
    { "AUTH TLS;TLS-C;SSL;TLS-P;", EXT_NONE, false },
    { "PBSZ", EXT_NONE, false },
    { "PROT C;P;", EXT_NONE, false },
    { "CCC", EXT_NONE, false },
    { "HOST", EXT_NONE, false },
    { "SIZE", EXT_NONE, false },
    { "MDTM", EXT_NONE, false },
    { "REST STREAM", EXT_NONE, false },
    { "MLST", EXT_MLST, false }, /* the facts are the session's: OPTS MLST changes them */
    { "MFMT", EXT_MFMT, false },
    { "TVFS", EXT_TVFS, false },
    { "EPRT", EXT_EPSV, false },
    { "EPSV", EXT_EPSV, false },
};

const char *command_feature(size_t i, unsigned extensions, bool utf8)
{
    for (size_t row = 0; row < sizeof features / sizeof features[0]; row++) {
        if (features[row].extension && !(extensions & (1u << features[row].extension)))
            continue;
        if (features[row].only_utf8 && !utf8)
            continue;
        if (i-- == 0)
            return features[row].line;
    }
    return NULL;
}
