/*
 * err.h - the error codes every fallible function of Sallyport returns, and how they are spelled.
 *
 * A function returns 0 or one of these, negative.  Outputs are untouched on error.
 */
#pragma once

#define MUST_USE __attribute__((warn_unused_result))
#define FORMAT_LIKE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/*    name            value  text */
#define ERR_LIST(E)                                                   \
    E(ERR_NOMEM,        -1,  "out of memory")                         \
    E(ERR_SYS,          -2,  "system call failed")                    \
    E(ERR_TRUNCATED,    -3,  "input ends too early")                  \
    E(ERR_TRAILING,     -4,  "bytes left over")                       \
    E(ERR_SYNTAX,       -5,  "malformed")                             \
    E(ERR_RANGE,        -6,  "out of range")                          \
    E(ERR_TOO_LONG,     -7,  "too long")                              \
    E(ERR_DENIED,       -8,  "access denied")                         \
    E(ERR_NOT_FOUND,    -9,  "not found")                             \
    E(ERR_PATH,         -10, "path not found")                        \
    E(ERR_EXISTS,       -11, "exists already")                        \
    E(ERR_NOT_EMPTY,    -12, "not empty")                             \
    E(ERR_NOT_DIR,      -13, "not a directory")                       \
    E(ERR_NOT_FILE,     -14, "not a regular file or directory")       \
    E(ERR_BUSY,         -15, "in use")                                \
    E(ERR_NO_SPACE,     -16, "no space left")                         \
    E(ERR_QUOTA,        -17, "quota exceeded")                        \
    E(ERR_TOO_BIG,      -18, "file too large")                        \
    E(ERR_IO,           -19, "input/output error")                    \
    E(ERR_AGAIN,        -20, "would block")                           \
    E(ERR_CLOSED,       -21, "peer closed")                           \
    E(ERR_TIMEOUT,      -22, "timed out")                             \
    E(ERR_CONFLICT,     -23, "changed meanwhile")                     \
    E(ERR_LOCKED,       -24, "locked at a parent level")              \
    E(ERR_UNSUPPORTED,  -25, "not supported")                         \
    E(ERR_STATE,        -26, "not legal at this moment")              \
    E(ERR_NAME,         -27, "invalid file name")                     \
    E(ERR_LIMIT,        -28, "a limit was reached")

enum err {
#define E(name, value, text) name = value,
    ERR_LIST(E)
#undef E
};

/* The text of an error, "success" for 0; never NULL. */
const char *err_text(int err);

/* The ERR_ that an errno value means for a file operation; ERR_SYS when nothing closer fits. */
int err_from_errno(int errnum);
