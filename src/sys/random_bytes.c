/* random_bytes.c - see random_bytes.h. */
#include "sys/random_bytes.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/secret.h"

int random_bytes(void *out, size_t len)
{
    static _Thread_local uint8_t ahead[RANDOM_MAX];
    static _Thread_local size_t left; /* at the end of `ahead` */
    if (len > sizeof ahead)
        return ERR_LIMIT;
    if (len > left) {
        if (getrandom(ahead, sizeof ahead, 0) != (ssize_t)sizeof ahead)
            return ERR_SYS;
        left = sizeof ahead;
    }
    uint8_t *next = ahead + sizeof ahead - left;
    memcpy(out, next, len);
    secret_wipe(next, len);
    left -= len;
    return 0;
}
