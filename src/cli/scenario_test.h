/*
 * scenario_test.h - command lines one after the other on an instance in a temporary directory, output compared whole.
 *
 * Texts may hold @DIR@ for the instance.  For tests of the command line only.
 */
#pragma once

#include "base/case_test.h"
#include "cli/cli.h"

struct scenario_step {
    const char *label;
    const char *argv[10];  /* without the program's name and --config */
    const char *in;        /* standard input, NULL: empty */
    int code;
    const char *out;       /* NULL: not compared */
};

struct scenario {
    char dir[64];
    char *out; /* of the last command */
};

/* A fresh temporary directory; `with_instance`: made an instance. */
void scenario_begin(struct scenario *s, bool with_instance);
/* Removes it. */
void scenario_end(struct scenario *s);
/* One command line; returns its exit code, output in s->out. */
int scenario_run(struct scenario *s, const char *const *argv, const char *in);
/* The steps in order, every one checked. */
void scenario_steps(struct scenario *s, const struct scenario_step *steps, size_t count);
/* The same on an instance of their own. */
void scenario_play(const struct scenario_step *steps, size_t count);
/* Content of DIR/name; caller frees. */
char *scenario_file(struct scenario *s, const char *name);
/* Assert that the file holds `wanted`. */
void scenario_assert_file_has(struct scenario *s, const char *name, const char *wanted);

/* ---- what many commands say ---- */

#define APPLIED(section, path)                                                                        \
    "Applied configuration changes to section \"" section "\" for \"MACHINE/WEBROOT/APPHOST" path     \
    "\" at configuration commit path \"MACHINE/WEBROOT/APPHOST\"\n"
#define CANNOT_FIND(kind, name) "ERROR ( message:Cannot find " kind " object with identifier \"" name "\". )\n"
#define NO_ELEMENT              "ERROR ( message:Cannot find requested collection element. )\n"
#define DUPLICATE(name)         "ERROR ( message:Failed to add duplicate collection element \"" name "\". )\n"
#define UNKNOWN_ATTRIBUTE(name) "ERROR ( message:Unknown attribute \"" name "\".  Replace with -? for help. )\n"

#define AUTHORIZATION "system.ftpServer/security/authorization"
#define LISTED(rules) "<system.ftpServer>\n  <security>\n    <authorization>\n" rules "    </authorization>\n  </security>\n</system.ftpServer>\n"

#define ADD_DEPOT { "a site", { "add", "site", "/name:depot", "/bindings:ftp/*:21:", "/physicalPath:C:\\depot" }, NULL, 0, \
      "SITE object \"depot\" added\nAPP object \"depot/\" added\nVDIR object \"depot/\" added\n" }
