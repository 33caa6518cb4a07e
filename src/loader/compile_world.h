/*
 * compile_world.h - configurations as texts, and what the loader makes of them, for its tests.
 */
#pragma once

#include <sys/stat.h>

#include "base/case_test.h"
#include "loader/compile.h"
#include "tls/cert.h"

enum { NOW = 1800000000, DAY = 86400 };

#define SECTIONS                                                                                        \
    "<configSections>"                                                                                  \
    "<sectionGroup name=\"system.applicationHost\"><section name=\"sites\" allowDefinition=\"AppHostOnly\" " \
    "overrideModeDefault=\"Deny\" /></sectionGroup>"                                                    \
    "<sectionGroup name=\"system.ftpServer\">"                                                          \
    "<section name=\"log\" overrideModeDefault=\"Deny\" /><section name=\"firewallSupport\" />"          \
    "<section name=\"caching\" /><section name=\"providerDefinitions\" /><section name=\"serverRuntime\" />" \
    "<sectionGroup name=\"security\"><section name=\"ipSecurity\" /><section name=\"requestFiltering\" />" \
    "<section name=\"authorization\" /><section name=\"authentication\" /></sectionGroup>"              \
    "</sectionGroup></configSections>\n"
#define APPHOST(sites, rest) \
    "<configuration>" SECTIONS "<system.applicationHost><sites>\n" sites "</sites></system.applicationHost>\n" rest \
    "</configuration>\n"
#define ROOT(path) "<application path=\"/\"><virtualDirectory path=\"/\" physicalPath=\"" path "\" /></application>"
#define BOUND(information) \
    "<bindings><binding protocol=\"ftp\" bindingInformation=\"" information "\" /></bindings>"
#define SITE(name, id, information, inner) \
    "<site name=\"" name "\" id=\"" id "\">" ROOT("C:\\ftp") BOUND(information) inner "</site>\n"
#define ALLOW_CLEAR "<ssl controlChannelPolicy=\"SslAllow\" dataChannelPolicy=\"SslAllow\" />"
#define SALLYPORT(inner) "<configuration><sallyport>" inner "</sallyport></configuration>"
#define PROVIDERS                                                                                       \
    "<providerDefinitions>"                                                                             \
    "<add name=\"IisManagerAuth\" type=\"Microsoft.Web.FtpServer.Security.IisManagerAuthenticationProvider, " \
    "Microsoft.Web.FtpServer, version=7.5.0.0\" />"                                                     \
    "<add name=\"AspNetAuth\" type=\"Microsoft.Web.FtpServer.Security.AspNetFtpMembershipProvider, x\" />" \
    "</providerDefinitions>"
#define WITH(inner) APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>") inner, "")
#define SECURITY(inner) "<ftpServer><security>" ALLOW_CLEAR inner "</security></ftpServer>"
#define SERVER(inner) \
    APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>"), \
            "<location path=\"one\"><system.ftpServer><security>" inner "</security></system.ftpServer></location>")

/* The result of a run: everything but `s` is valid after a failure too. */
struct run {
    struct report report;
    struct snapshot *s;
    struct text bytes;
    int err;
};

/* Compile, started by root; the caller gives it back with end_run. */
void run_files(struct run *r, const struct compile_file *files, size_t count);
/* The files of those names; NULL: it is not there. */
void run_texts(struct run *r, const char *apphost, const char *administration, const char *sallyport);
void end_run(struct run *r);
/* Whether a diagnostic of that severity and site says `words`. */
bool says(const struct run *r, enum loader_severity severity, uint32_t site, const char *words);
/* Every diagnostic, for who reads a failure. */
void show(const struct run *r);

#define assert_text(r, field, want) assert_string_equal(snapshot_text((r)->s, field).ptr, want)
