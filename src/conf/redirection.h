/*
 * redirection.h - shared configuration: redirection.config says that applicationHost.config and administration.config
 * stand elsewhere ("Shared Configuration").  redirection.config and sallyport.config are always the local ones.
 */
#pragma once

#include "conf/conf.h"

#define REDIRECTION_FILE "redirection.config"

struct redirection {
    bool enabled;
    struct text folder;   /* where the files are, as a path of this machine; "" when not enabled */
    unsigned poll_seconds; /* 0: no polling */
};

/* Read redirection.config; its path goes through the drives, shares and variables of the local sallyport.config.  Problems
 * are reported; an error when redirection is on and its target cannot be told.  Absent bytes: not enabled. */
MUST_USE int redirection_read(struct slice bytes, struct slice sallyport, struct slice directory, conf_report *report,
                              void *context, struct redirection *out);
void redirection_free(struct redirection *r);
