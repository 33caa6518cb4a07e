/* read_whole.c - see read_whole.h. */
#include "base/read_whole.h"

#include <errno.h>
#include <unistd.h>

int read_whole(int fd, size_t max, struct text *out)
{
    enum { STEP = 65536 };
    text_reset(out);
    out->max = max + 1;
    while (out->len <= max) {
        size_t want = max + 1 - out->len < STEP ? max + 1 - out->len : STEP;
        char *room = text_room(out, want);
        if (!room)
            return text_error(out);
        ssize_t got = pread(fd, room, want, (off_t)out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? err_from_errno(errno) : 0;
        text_grown(out, (size_t)got);
    }
    return ERR_TOO_BIG;
}
