/* limits.h - sizes that every program agrees on.  Bytes unless a line says otherwise. */
#pragma once

enum {
    PATH_LIMIT = 32 * 1024,     /* a virtual path; requestLimits/maxUrl reaches 32768 */
    NAME_LIMIT = 1024,          /* user, role, host, site name */
    CERT_CHAIN_LIMIT = 32 * 1024, /* what a client sent, DER; a handshake takes no more (threats.md C08) */
    CERT_LOG_LIMIT = 2 * 1024,  /* a client's certificate as logs show it */
    MEMO_LIMIT = 4 * 1024,      /* what the authenticator has a broker keep about a login */
    SECRET_LIMIT = 1024,        /* a password */
    SECRET_FILE_LIMIT = 4 * 1024, /* a file of the folder "secrets" */
    DETAIL_LIMIT = 512,         /* a text for people */
    ROLES_LIMIT = 32 * 1024,    /* all roles of one login, one per line */
    GROUPS_LIMIT = 4 * 1024,    /* supplementary groups, u32 each */
    LISTING_CHUNK = 64 * 1024,  /* one piece of a directory listing */
    TICKETS_LIMIT = 8 * 1024,   /* tickets of ended logins, u64 little-endian each */
    WORKERS_MAX = 64,           /* worker processes */
    COMMAND_LINE_MAX = 64 * 1024, /* hard ceiling above commandFiltering/maxCommandLine */
};
