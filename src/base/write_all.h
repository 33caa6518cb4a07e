/* write_all.h - write() for those who cannot go on with less than everything. */
#pragma once

#include "base/slice.h"

/* Goes on after a signal and after a short write.  False: errno says why, and some of the bytes may be written. */
MUST_USE bool write_all(int fd, struct slice bytes);
