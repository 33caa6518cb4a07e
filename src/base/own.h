/*
 * own.h - ownership a reader can see: a variable declared OWNED_x is released on every way out of its scope.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void own_free_text(char **text)
{
    free(*text);
}

static inline void own_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define OWNED_TEXT __attribute__((cleanup(own_free_text))) char *
#define OWNED_FD __attribute__((cleanup(own_close_fd))) int

/* Hand the descriptor on: the variable no longer owns it. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline char *text_take(char **text)
{
    char *taken = *text;
    *text = NULL;
    return taken;
}
