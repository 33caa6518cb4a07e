/*
 * region.h - memory that several programs share, or that outlives the program that writes it: a memfd of fixed size, made
 * by the supervisor, mapped by it and by children.
 */
#pragma once

#include "base/slice.h"

/* `name` shows in /proc; the memory is zero. */
MUST_USE int region_create(const char *name, size_t size, int *fd_out);
/* ERR_SYNTAX: not of that size, or it could be cut under us. */
MUST_USE int region_map(int fd, size_t size, void **at_out);
void region_unmap(void *at, size_t size); /* NULL is fine */
