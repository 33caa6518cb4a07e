/*
 * walkthrough_test.c - "Configure FTP with IIS Manager Authentication in IIS 7", each step as a command line, and the
 * bytes of the files afterwards.
 */
#include "auth/password.h"
#include "cli/scenario_test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SITE "My New FTP Site"

static const struct scenario_step steps[] = {
    { "a fresh instance has no site", { "list", "site" }, NULL, 0, "" },
    { "Windows credentials or IIS Manager credentials",
      { "set", "config", "-section:sallyport/managementService", "/requiresWindowsCredentials:false" }, NULL, 0,
      APPLIED("sallyport/managementService", "") },
    { "Add User", { "add", "user", "ftpmanager" }, "P@ssw0rd\n", 0, "USER object \"ftpmanager\" added\n" },
    { "Add FTP Site",
      { "add", "site", "/name:" SITE, "/bindings:ftp/127.0.0.1:21:", "/physicalPath:%SystemDrive%\\inetpub\\ftproot" },
      NULL, 0,
      "SITE object \"" SITE "\" added\nAPP object \"" SITE "/\" added\nVDIR object \"" SITE "/\" added\n" },
    { "the SSL certificate is not selected",
      { "set", "site", SITE, "/ftpServer.security.ssl.controlChannelPolicy:SslAllow",
        "/ftpServer.security.ssl.dataChannelPolicy:SslAllow" }, NULL, 0, "SITE object \"" SITE "\" changed\n" },
    { "Basic", { "set", "site", SITE, "/ftpServer.security.authentication.basicAuthentication.enabled:True" }, NULL, 0,
      "SITE object \"" SITE "\" changed\n" },
    { "a rule for the administrator",
      { "set", "config", SITE, "-section:" AUTHORIZATION,
        "/+[accessType='Allow',users='administrator',permissions='Read, Write']", "/commit:apphost" }, NULL, 0,
      APPLIED(AUTHORIZATION, "/" SITE) },
    { "Custom Providers, IIS Manager Authentication",
      { "set", "config", "-section:system.applicationHost/sites",
        "/+[name='" SITE "'].ftpServer.security.authentication.customAuthentication.providers.[name='IisManagerAuth',enabled='true']",
        "/commit:apphost" }, NULL, 0, APPLIED("system.applicationHost/sites", "") },
    { "Basic can be disabled", { "set", "site", SITE, "/ftpServer.security.authentication.basicAuthentication.enabled:false" },
      NULL, 0, "SITE object \"" SITE "\" changed\n" },
    { "Allow User", { "allow", "user", "ftpmanager", "/site:" SITE }, NULL, 0,
      "USER object \"ftpmanager\" allowed for \"/" SITE "\"\n" },
    { "Add Allow Rule, quotes eaten by the shell",
      { "set", "config", SITE, "-section:" AUTHORIZATION,
        "/+[accessType=Allow,users=ftpmanager,permissions=Read, Write]", "/commit:apphost" }, NULL, 0,
      APPLIED(AUTHORIZATION, "/" SITE) },
    { "the site in the list", { "list", "site" }, NULL, 0,
      "SITE \"" SITE "\" (id:1,bindings:ftp/127.0.0.1:21:,state:Stopped)\n" },
    { "the user in the list", { "list", "user", "/site:" SITE }, NULL, 0,
      "USER \"ftpmanager\" (type:IISManager,enabled:true,sites:" SITE ")\n" },
};

/* The hash differs each time: read it out, check it, and compare the rest. */
static void assert_stored(struct scenario *s)
{
    char *file = scenario_file(s, "administration.config");
    char *hash = strstr(file, "<add name=\"ftpmanager\" password=\"");
    assert_non_null(hash);
    hash += strlen("<add name=\"ftpmanager\" password=\"");
    struct slice stored = slice_of(hash, strcspn(hash, "\""));
    assert_int_equal(password_form(stored), PASSWORD_FORM_YESCRYPT);
    assert_true(password_verify(stored, SLICE_LITERAL("P@ssw0rd")));
    assert_null(strstr(file, "P@ssw0rd"));
    free(file);
}

static const char site_bytes[] =
    "            <site name=\"My New FTP Site\" id=\"1\">\n"
    "                <application path=\"/\">\n"
    "                    <virtualDirectory path=\"/\" physicalPath=\"%SystemDrive%\\inetpub\\ftproot\" />\n"
    "                </application>\n"
    "                <bindings>\n"
    "                    <binding protocol=\"ftp\" bindingInformation=\"127.0.0.1:21:\" />\n"
    "                </bindings>\n"
    "                <ftpServer>\n"
    "                    <security>\n"
    "                        <ssl controlChannelPolicy=\"SslAllow\" dataChannelPolicy=\"SslAllow\" />\n"
    "                        <authentication>\n"
    "                            <basicAuthentication enabled=\"false\" />\n"
    "                            <customAuthentication>\n"
    "                                <providers>\n"
    "                                    <add name=\"IisManagerAuth\" enabled=\"true\" />\n"
    "                                </providers>\n"
    "                            </customAuthentication>\n"
    "                        </authentication>\n"
    "                    </security>\n"
    "                </ftpServer>\n"
    "            </site>\n";

static const char location_bytes[] =
    "    <location path=\"My New FTP Site\">\n"
    "        <system.ftpServer>\n"
    "            <security>\n"
    "                <authorization>\n"
    "                    <add accessType=\"Allow\" users=\"administrator\" permissions=\"Read, Write\" />\n"
    "                    <add accessType=\"Allow\" users=\"ftpmanager\" permissions=\"Read, Write\" />\n"
    "                </authorization>\n"
    "            </security>\n"
    "        </system.ftpServer>\n"
    "    </location>\n"
    "</configuration>\n";

static void test_walkthrough(void **state)
{
    (void)state;
    struct scenario s;
    scenario_begin(&s, true);
    scenario_steps(&s, steps, COUNT_OF(steps));
    scenario_assert_file_has(&s, "applicationHost.config", site_bytes);
    scenario_assert_file_has(&s, "applicationHost.config", location_bytes);
    scenario_assert_file_has(&s, "administration.config", "<scope path=\"/My New FTP Site\">");
    scenario_assert_file_has(&s, "sallyport.config", "<managementService requiresWindowsCredentials=\"false\" />");
    assert_stored(&s);
    scenario_end(&s);
}

/* A walkthrough on an instance whose administration.config was never made. */
static void test_administration_is_made(void **state)
{
    (void)state;
    static const struct scenario_step make[] = {
        { "the first user", { "add", "user", "anna" }, "secret\n", 0, "USER object \"anna\" added\n" },
        { "is there", { "list", "user" }, NULL, 0, "USER \"anna\" (type:IISManager,enabled:true,sites:)\n" },
    };
    struct scenario s;
    char path[128];
    struct stat st;
    scenario_begin(&s, true);
    snprintf(path, sizeof path, "%s/administration.config", s.dir);
    assert_int_equal(unlink(path), 0);
    scenario_steps(&s, make, COUNT_OF(make));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    scenario_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walkthrough),
        cmocka_unit_test(test_administration_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
