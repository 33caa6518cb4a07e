/* import.h - what the parts of `sallyport import` share. */
#pragma once

#include "cli/cli.h"
#include "cli/fidelity.h"
#include "cli/file.h"
#include "cli/import_source.h"
#include "cli/instance_files.h"

struct import {
    struct cli *c;
    const char *from, *to;
    bool is_dry, replaces;
    struct source source;
    struct conf *conf;              /* the files as they will be written */
    struct path_map *paths;
    struct instance_files files;    /* the same, and the certificates of the target */
    struct cert_store *certificates;
    struct fidelity fidelity;
    struct fidelity_names doubts;   /* diagnostics that no attribute could be given to */
    struct text report;
    struct file_set written;
};

/* import_paths.c: put the mappings of the command line into sallyport.config, and read all of them. */
MUST_USE int import_map_paths(struct import *in);
/* import_report.c: the whole report into in->report. */
MUST_USE int import_write_report(struct import *in);
