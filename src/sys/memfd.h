/* memfd.h - bytes as a descriptor that nobody can change any more: how snapshots and edited files travel. */
#pragma once

#include "base/slice.h"

/* A memfd with these bytes, position 0, sealed against writing, shrinking, growing and further seals. */
MUST_USE int memfd_sealed(const char *name, struct slice bytes, int *fd_out);

/* Whether nobody, ourselves included, can change or shorten it. */
bool memfd_is_sealed(int fd);
