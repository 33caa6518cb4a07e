/*
 * reply.h - FTP replies as bytes for the control channel.
 *
 * A reply is built once, whole, then queued; nothing here sends.  Text that came from a client, a file name or the
 * configuration is made harmless on the way in: CR, LF, NUL and other controls never pass (threats.md P35), 0xFF is
 * doubled (Telnet, P12).  The texts IIS sends are one table.
 *
 * Every line starts with the code; a line becomes "code-" when another one follows it.  Inner lines (FEAT, HELP,
 * details) carry a blank instead of the code, so nothing in them can look like the end of the reply.
 */
#pragma once

#include "base/text.h"

/* `$` is where the one parameter goes.  ftp-behaviour.md 2.1. */
#define REPLIES(R)                                                                                       \
    R(REPLY_WELCOME,           220, "Microsoft FTP Service")                                             \
    R(REPLY_EMPTY_BANNER,      220, "")                                                                  \
    R(REPLY_USER,              331, "Password required")                                                 \
    R(REPLY_USER_ANONYMOUS,    331, "Anonymous access allowed, send identity (e-mail name) as password.") \
    R(REPLY_USER_NO_HOST,      331, "Valid hostname is expected.")                                       \
    R(REPLY_PASS_NO_HOST,      530, "Valid hostname is expected.")                                       \
    R(REPLY_LOGGED_IN,         230, "User logged in.")                                                   \
    R(REPLY_LOGIN_SPACE,       230, "Directory has $ bytes of disk space available.")                    \
    R(REPLY_LOGIN_FAILED,      530, "User cannot log in.")                                               \
    R(REPLY_HOME_FAILED,       530, "User cannot log in, home directory inaccessible.")                  \
    R(REPLY_LOGIN_FIRST,       530, "Please login with USER and PASS.")                                  \
    R(REPLY_AUTH_OK,           234, "AUTH command ok. Expecting TLS Negotiation.")                       \
    R(REPLY_AUTH_NO_CERT,      534, "Local policy on server does not allow TLS secure connections.")     \
    R(REPLY_AUTH_UNKNOWN,      504, "Security mechanism not implemented.")                               \
    R(REPLY_POLICY_SSL,        534, "Policy requires SSL.")                                              \
    R(REPLY_CERT_REQUIRED,     534, "SSL policy requires client certificate.")                            \
    R(REPLY_CERT_INVALID,      534, "User provided invalid client certificate.")                        \
    R(REPLY_LOGGED_IN_232,     232, "User logged in, authorized by security data exchange.")            \
    R(REPLY_POLICY_NO_SSL,     534, "Policy denies SSL.")                                                \
    R(REPLY_PROT_LEVEL,        536, "Requested PROT level not supported by mechanism.")                  \
    R(REPLY_PROT_UNKNOWN,      504, "Command not implemented for that parameter.")                       \
    R(REPLY_CCC_DENIED,        533, "Command protection level denied for policy reasons.")               \
    R(REPLY_DONE_200,          200, "$ command successful.")                                             \
    R(REPLY_DONE_202,          202, "$ command superfluous at this site.")                               \
    R(REPLY_DONE_226,          226, "$ command successful.")                                             \
    R(REPLY_DONE_250,          250, "$ command successful.")                                             \
    R(REPLY_NOTHING_TO_ABORT,  225, "$ command successful.")                                             \
    R(REPLY_TYPE,              200, "Type set to $.")                                                    \
    R(REPLY_MODE,              200, "Mode $.")                                                           \
    R(REPLY_STRU,              200, "Structure $.")                                                      \
    R(REPLY_BAD_ADDRESS,       501, "Server cannot accept argument.")                                    \
    R(REPLY_PASV,              227, "Entering Passive Mode ($).")                                        \
    R(REPLY_EPSV,              229, "Entering Extended Passive Mode (|||$|)")                            \
    R(REPLY_BAD_FAMILY,        522, "Network protocol not supported, use ($)")                           \
    R(REPLY_DATA_OPEN,         125, "Data connection already open; Transfer starting.")                  \
    R(REPLY_DATA_OPENING,      150, "Opening $ mode data connection.")                                   \
    R(REPLY_TRANSFER_DONE,     226, "Transfer complete.")                                                \
    R(REPLY_TRANSFER_SPACE,    226, "Directory has $ bytes of disk space available.")                    \
    R(REPLY_STOU_OPENING,      150, "FILE: $")                                                           \
    R(REPLY_STOU_OPEN,         125, "FILE: $")                                                           \
    R(REPLY_MKD,               257, "\"$\" directory created.")                                          \
    R(REPLY_PWD,               257, "\"$\" is current directory.")                                       \
    R(REPLY_SIZE_ASCII,        550, "SIZE not allowed in ASCII mode.")                                     \
    R(REPLY_RNFR,              350, "Requested file action pending further information.")                \
    R(REPLY_REST,              350, "Restarting at $.")                                                  \
    R(REPLY_BAD_SEQUENCE,      503, "Bad sequence of commands.")                                         \
    R(REPLY_NUMBER,            213, "$")                                                                 \
    R(REPLY_MFMT,              213, "$")                                                                 \
    R(REPLY_SYST,              215, "Windows_NT")                                                        \
    R(REPLY_HOST_OK,           220, "Host accepted.")                                                    \
    R(REPLY_HOST_UNKNOWN,      504, "Unknown host.")                                                     \
    R(REPLY_GOODBYE,           221, "Goodbye.")                                                          \
    R(REPLY_NOT_UNDERSTOOD,    500, "Command not understood.")                                           \
    R(REPLY_NOT_ALLOWED,       500, "Command not allowed.")                                              \
    R(REPLY_LINE_TOO_LONG,     500, "Command line too long.")                                            \
    R(REPLY_NOT_IMPLEMENTED,   502, "Command not implemented.")                                          \
    R(REPLY_PARAMETER,         504, "Command not implemented for that parameter.")                       \
    R(REPLY_PARAMETERS,        501, "Invalid number of parameters.")                                     \
    R(REPLY_INVALID_PARAMETER, 501, "The parameter is incorrect.")                                       \
    R(REPLY_BARE_LF,           451, "The parameter is incorrect.")                                       \
    R(REPLY_TOO_SLOW,          425, "Data channel timed out due to not meeting the minimum bandwidth requirement.") \
    R(REPLY_NO_DATA,           425, "Cannot open data connection.")                                      \
    R(REPLY_DATA_CUT,          426, "Connection closed; transfer aborted.")                              \
    R(REPLY_LOCAL_ERROR,       451, "Requested action aborted: local error in processing.")              \
    R(REPLY_DATA_TLS,          522, "Data connection TLS negotiation failed: $")                         \
    R(REPLY_NO_SERVICE,        421, "Service not available, closing control connection.")                \
    R(REPLY_TIMEOUT,           421, "Connection timed out, closing control connection.")                 \
    R(REPLY_TOO_MANY_ERRORS,   421, "Too many errors, closing control connection.")                      \
    R(REPLY_UTF8,              200, "OPTS UTF8 command successful - UTF8 encoding now $.")               \
    R(REPLY_MLST_OPTS,         200, "MLST OPTS $")                                                       \
    R(REPLY_DIRSTYLE,          200, "MSDOS-like directory output is $.")                                 \
    R(REPLY_LANG,              200, "Language is now $.")                                                \
    R(REPLY_EPSV_ALL,          200, "EPSV ALL command successful.")                                      \
    R(REPLY_FEAT,              211, "Extended features supported:")                                      \
    R(REPLY_FEAT_END,          211, "END")                                                               \
    R(REPLY_HELP,              214, "The following commands are recognized (* ==>'s unimplemented).")    \
    R(REPLY_SITE_HELP,         214, "The following SITE commands are recognized (* ==>'s unimplemented).") \
    R(REPLY_HELP_END,          214, "HELP command successful.")                                          \
    R(REPLY_SYNTAX,            214, "Syntax: $")                                                         \
    R(REPLY_STATUS,            211, "Microsoft FTP Service status:")                                     \
    R(REPLY_STATUS_END,        211, "End of status.")                                                    \
    R(REPLY_STAT_LIST,         213, "Status of $:")                                                      \
    R(REPLY_STAT_LIST_END,     213, "End of status.")                                                    \
    R(REPLY_MLST,              250, "Listing $")                                                         \
    R(REPLY_MLST_END,          250, "End")

enum reply_id {
#define R(id, code, text) id,
    REPLIES(R)
#undef R
    REPLY_COUNT
};

unsigned reply_code_of(enum reply_id id);
/* As it stands in the table, with `$` where its parameter goes. */
struct slice reply_text_of(enum reply_id id);

struct reply { /* zero is an empty one; owned by whoever declares it, reply_free() */
    struct text out;
    unsigned code;
    size_t last; /* 1 + where the last line that carries the code starts; 0 none */
};

void reply_free(struct reply *r);
/* Start a reply, drop what was there. */
void reply_begin(struct reply *r, unsigned code);
/* Add a line with the code. */
void reply_line(struct reply *r, struct slice text);
/* The same from the table; a parameter only where the text has a `$`. */
void reply_row(struct reply *r, enum reply_id id, struct slice parameter);
/* The same when more of the reply will be sent later: the code carries its '-' already. */
void reply_row_open(struct reply *r, enum reply_id id, struct slice parameter);
/* Every line of a configured text, whatever line endings it uses.  An empty text adds nothing. */
void reply_lines(struct reply *r, struct slice text);
/* A line inside a frame: one blank, then the text.  A coded line must come before and after. */
void reply_inner(struct reply *r, struct slice text);
/* The finished bytes, valid until the next change.  Fails with the sticky error of the buffer. */
MUST_USE int reply_bytes(const struct reply *r, struct slice *bytes_out);

/* The framed form of a failing reply for local clients (ftp-behaviour.md 2.3); `system` is the Win32 message, "" none. */
void reply_detailed(struct reply *r, unsigned code, struct slice first, struct slice system, struct slice details);
