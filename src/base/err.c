/* err.c - error texts and the errno table.  Both are lists. */
#include "base/err.h"

#include <errno.h>
#include <stddef.h>

static const struct {
    int err;
    const char *text;
} texts[] = {
#define E(name, value, text) { name, text },
    ERR_LIST(E)
#undef E
};

static const struct {
    int errnum;
    int err;
} errnos[] = {
    { ENOMEM, ERR_NOMEM },      { EACCES, ERR_DENIED },     { EPERM, ERR_DENIED },
    { EROFS, ERR_DENIED },      { ENOENT, ERR_NOT_FOUND },  { EEXIST, ERR_EXISTS },
    { ENOTEMPTY, ERR_NOT_EMPTY }, { ENOTDIR, ERR_NOT_DIR }, { EISDIR, ERR_DENIED },
    { EXDEV, ERR_DENIED },      { ELOOP, ERR_DENIED },      { EBUSY, ERR_BUSY },
    { ETXTBSY, ERR_BUSY },      { ENOSPC, ERR_NO_SPACE },   { EDQUOT, ERR_QUOTA },
    { EFBIG, ERR_TOO_BIG },     { EIO, ERR_IO },            { EAGAIN, ERR_AGAIN },
    { EPIPE, ERR_CLOSED },      { ECONNRESET, ERR_CLOSED }, { ETIMEDOUT, ERR_TIMEOUT },
    { ENAMETOOLONG, ERR_TOO_LONG }, { EINVAL, ERR_RANGE },  { ENXIO, ERR_NOT_FILE },
    { EMFILE, ERR_LIMIT },      { ENFILE, ERR_LIMIT },      { EILSEQ, ERR_NAME },
};

const char *err_text(int err)
{
    if (err == 0)
        return "success";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].err == err)
            return texts[i].text;
    return "unknown error";
}

int err_from_errno(int errnum)
{
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++)
        if (errnos[i].errnum == errnum)
            return errnos[i].err;
    return ERR_SYS;
}
