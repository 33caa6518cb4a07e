/* command_test.c - command lines, what they print, and with which number they end. */
#include "cli/scenario_test.h"

#include <stdlib.h>
#include <sys/stat.h>

#define SITES "system.applicationHost/sites"
#define MALFORMED                                                                                                    \
    "ERROR ( message:Malformed collection indexer; format is [@position,name='value',name2='value2',...].  The "    \
    "@position specifier is optional, and be '@start', '@end', or '@N' where N is a numeric index into the "         \
    "collection. )\n"
#define BAD_PATH(path) "ERROR ( hresult:8007000d, message:Command execution failed.\nInvalid location path \"" path "\".  Write " \
                       "\"Site/directory\", with single slashes and without the parts \".\" and \"..\".\n )\n"
#define NO_PATH(path) "ERROR ( message:\"" path "\" is no absolute path.  A shell takes backslashes away: put the path in quotes. )\n"
#define INVALID_BINDING(binding, why) "ERROR ( message:Invalid binding \"" binding "\": it is written protocol/address:port:host, e.g. " \
                                      "ftp/*:21:" why " )\n"
#define INVALID_VALUE(element, attribute, why) "ERROR ( hresult:8007000d, message:Command execution failed.\n@DIR@/applicationHost.config: " \
    "system.applicationHost/sites/site/ftpServer/" element ": The '" attribute "' attribute is invalid.  " why "\n )\n"
#define QUOTES "What has blanks is put in quotes: \"/name:My Site\".\n"
#define CHANGED "SITE object \"depot\" changed\n"

static void test_sites(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "the same name again (E3)", { "add", "site", "/name:Depot" }, NULL, 183, DUPLICATE("Depot") },
        { "another name with a number that is taken", { "add", "site", "/name:x", "/id:1" }, NULL, 183,
          "ERROR ( hresult:800700b7, message:Command execution failed.\n@DIR@/applicationHost.config:32:13: system.applicationHost/sites: "
          "Cannot add duplicate collection entry of type 'site' with unique key attribute 'id' set to '1'\n )\n" },
        { "a path whose backslashes the shell took", { "add", "site", "/name:x", "/physicalPath:C:inetpubftproot" }, NULL, 87,
          NO_PATH("C:inetpubftproot") },
        { "behind a variable", { "add", "site", "/name:x", "/physicalPath:%SystemDrive%inetpubftproot" }, NULL, 87,
          NO_PATH("%SystemDrive%inetpubftproot") },
        { "of a share", { "add", "site", "/name:x", "/physicalPath:\\srvshare" }, NULL, 87, NO_PATH("\\srvshare") },
        { "a share without its server", { "add", "site", "/name:x", "/physicalPath:\\\\share" }, NULL, 87, NO_PATH("\\\\share") },
        { "a path that lies nowhere", { "add", "site", "/name:x", "/physicalPath:relative\\x" }, NULL, 87, NO_PATH("relative\\x") },
        { "of the log", { "set", "site", "depot", "/ftpServer.logFile.directory:%SystemDrive%logs" }, NULL, 87, NO_PATH("%SystemDrive%logs") },
        { "a share", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath:\\\\srv\\share" }, NULL, 0, CHANGED },
        { "with slashes", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath://srv/share/x" }, NULL, 0, CHANGED },
        { "variables", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath:%ProgramFiles(x86)%%TAIL%\\x" }, NULL, 0, CHANGED },
        { "a variable", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath:%ROOT%" }, NULL, 0, CHANGED },
        { "a drive", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath:d:" }, NULL, 0, CHANGED },
        { "a Linux path", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath:/srv/x" }, NULL, 0, CHANGED },
        { "none", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath:" }, NULL, 0, CHANGED },
        { "below the root, too", { "set", "site", "depot", "/[path='/'].[path='/'].physicalPath:D:x" }, NULL, 87, NULL },
        { "the next free id, no root", { "ADD", "Sites", "-NAME:web", "/bindings:http/*:80:,ftp/10.0.0.1:990:h" }, NULL, 0,
          "SITE object \"web\" added\n" },
        { "in order", { "list", "sites" }, NULL, 0,
          "SITE \"depot\" (id:1,bindings:ftp/*:21:,state:Stopped)\n"
          "SITE \"web\" (id:2,bindings:http/*:80:,ftp/10.0.0.1:990:h,state:Stopped)\n" },
        { "one, any case", { "list", "site", "WEB" }, NULL, 0,
          "SITE \"web\" (id:2,bindings:http/*:80:,ftp/10.0.0.1:990:h,state:Stopped)\n" },
        { "one by parameter", { "list", "site", "/site.name:depot" }, NULL, 0,
          "SITE \"depot\" (id:1,bindings:ftp/*:21:,state:Stopped)\n" },
        { "none of that name", { "list", "site", "x" }, NULL, 1, "" },
        { "conditions", { "list", "site", "/serverAutoStart:True", "/id:2" }, NULL, 0,
          "SITE \"web\" (id:2,bindings:http/*:80:,ftp/10.0.0.1:990:h,state:Stopped)\n" },
        { "a condition that nothing meets", { "list", "site", "/state:Started" }, NULL, 0, "" },
        { "a pattern", { "list", "site", "/name:$=*EB" }, NULL, 0,
          "SITE \"web\" (id:2,bindings:http/*:80:,ftp/10.0.0.1:990:h,state:Stopped)\n" },
        { "a range", { "list", "site", "/id:$>1", "/text:name" }, NULL, 0, "web\n" },
        { "the other end of it", { "list", "site", "/id:$<=1", "/text:name" }, NULL, 0, "depot\n" },
        { "everything else", { "list", "site", "/name:$<>web", "/text:name" }, NULL, 0, "depot\n" },
        { "an unknown condition (E5)", { "list", "site", "/colour:red" }, NULL, 87, UNKNOWN_ATTRIBUTE("colour") },
        { "one attribute", { "list", "site", "/text:id" }, NULL, 0, "1\n2\n" },
        { "a nested attribute", { "list", "site", "depot", "/text:ftpServer.security.ssl.controlChannelPolicy" }, NULL, 0,
          "SslRequire\n" },
        { "XML", { "list", "site", "depot", "/xml" }, NULL, 0,
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<appcmd>\n"
          "    <SITE SITE.NAME=\"depot\" SITE.ID=\"1\" bindings=\"ftp/*:21:\" state=\"Stopped\" />\n</appcmd>\n" },
        { "a nested property", { "set", "site", "depot", "/ftpServer.userIsolation.mode:Custom" }, NULL, 0, CHANGED },
        { "an indexer torn at its blanks", { "set", "config", "-section:" SITES, "/[name='depot'].ftpServer.messages.bannerMessage:a",
          "/+[name='depot'].ftpServer.customFeatures.providers.[name='A", "B',enabled='false']" }, NULL, 0, APPLIED(SITES, "") },
        { "is whole", { "list", "config", "/section:" SITES, "/config:*" }, NULL, 0, NULL },
        { "lock attributes stand on any element", { "set", "site", "depot", "/ftpServer.lockAttributes:allowUTF8" }, NULL, 0, CHANGED },
        { "a value for what is taken away", { "set", "site", "depot", "/-ftpServer.lockAttributes:allowUTF8" }, NULL, 87,
          "ERROR ( message:Parameter \"-ftpServer.lockAttributes\" removes what is set and takes no value. )\n" },
        { "and can be taken away", { "set", "site", "depot", "/-ftpServer.lockAttributes" }, NULL, 0, CHANGED },
        { "an unknown one in the list", { "set", "site", "depot", "/ftpServer.lockAttributes:nothing" }, NULL, 4312, NULL },
        { "where to commit: a level", { "set", "site", "depot", "/id:1", "/commit:AppHost" }, NULL, 0, CHANGED },
        { "where to commit: a path", { "set", "site", "depot", "/id:1", "/commit:MACHINE/WEBROOT/APPHOST/depot" }, NULL, 0, CHANGED },
        { "where to commit: nowhere", { "set", "site", "depot", "/id:1", "/commit:nowhere" }, NULL, 1168,
          "ERROR ( message:Parameter \"commit\" names no level (apphost, webroot, machine, site, app, parent, url) and no configuration path: "
          "\"nowhere\". )\n" },
        { "a URL is a path", { "set", "config", "ftp://localhost/in/", "-section:" AUTHORIZATION,
          "/+[accessType='Allow',users='*']", "/commit:apphost" }, NULL, 0, APPLIED(AUTHORIZATION, "/depot/in") },
        { "a site without a root has no path", { "set", "config", "web/in", "-section:" AUTHORIZATION, "/+[users='x']" }, NULL, 1168,
          "ERROR ( hresult:80070490, message:Command execution failed.\n"
          "Unrecognized configuration path 'MACHINE/WEBROOT/APPHOST/web/in'\n"
          "Site \"web\" has no application \"/\" with a virtual directory \"/\".\n )\n" },
        { "nor by the host of a binding", { "list", "config", "ftp://h:990", "/section:ipSecurity" }, NULL, 1168, NULL },
        { "an application is not enough", { "add", "app", "/site.name:web", "/path:/" }, NULL, 0, NULL },
        { "for its path", { "list", "config", "web", "/section:ipSecurity" }, NULL, 1168, NULL },
        { "its root is", { "add", "vdir", "/app.name:web/", "/path:/", "/physicalPath:/srv/web" }, NULL, 0, NULL },
        { "a host of a binding", { "list", "config", "ftp://h:990", "/section:ipSecurity" }, NULL, 0, NULL },
        { "a URL of no site", { "list", "config", "http://localhost:81/", "/section:ipSecurity" }, NULL, 1168,
          CANNOT_FIND("SITE", "http://localhost:81/") },
        { "keys in any case", { "set", "config", "-section:" SITES, "/[NAME='Depot'].ftpServer.allowUTF8:true" }, NULL, 0, APPLIED(SITES, "") },
        { "of a new item", { "set", "config", "depot", "-section:" AUTHORIZATION, "/+[accesstype='allow',USERS='x']" }, NULL, 0,
          APPLIED(AUTHORIZATION, "/depot") },
        { "as the schema spells them", { "list", "config", "depot", "-section:" AUTHORIZATION }, NULL, 0,
          LISTED("      <add accessType=\"Allow\" users=\"x\" />\n") },
        { "of an old one", { "set", "config", "depot", "-section:" AUTHORIZATION, "/-[Users='x']" }, NULL, 0, APPLIED(AUTHORIZATION, "/depot") },
        { "that no item has", { "set", "config", "depot", "-section:" AUTHORIZATION, "/+[kind='allow',users='x']" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("kind") },
        { "add to a nested collection",
          { "set", "site", "depot", "/+ftpServer.customFeatures.providers.[name='Audit',enabled='true']" }, NULL, 0, CHANGED },
        { "bindings are replaced", { "set", "site", "depot", "/bindings:ftp/*:2121:" }, NULL, 0, CHANGED },
        { "a new name and number", { "set", "site", "web", "/name:files", "/id:9" }, NULL, 0, "SITE object \"web\" changed\n" },
        { "both show", { "list", "site" }, NULL, 0,
          "SITE \"depot\" (id:1,bindings:ftp/*:2121:,state:Stopped)\n"
          "SITE \"files\" (id:9,bindings:http/*:80:,ftp/10.0.0.1:990:h,state:Stopped)\n" },
        { "an unknown property (E5)", { "set", "site", "depot", "/ftpServer.nothing:1" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("nothing") },
        { "a value that is none", { "set", "site", "depot", "/ftpServer.userIsolation.mode:Some" }, NULL, 13,
          INVALID_VALUE("userIsolation", "mode", "Enum must be one of StartInUsersDirectory, IsolateRootDirectoryOnly, ActiveDirectory, "
          "IsolateAllDirectories, None, Custom. It is \"Some\"") },
        { "a time span for seconds", { "set", "site", "depot", "/ftpServer.connections.unauthenticatedTimeout:00:01:00" }, NULL, 13,
          INVALID_VALUE("connections", "unauthenticatedTimeout", "Not a valid integer. Allowed: integer (seconds)") },
        { "no such site (E1)", { "set", "site", "x", "/id:3" }, NULL, 1168, CANNOT_FIND("SITE", "x") },
        { "a number that no site has", { "set", "site", "depot", "/id:0" }, NULL, 13, NULL },
        { "... of a new site", { "add", "site", "/name:zero", "/id:0" }, NULL, 13, NULL },
        { "... through its section", { "set", "config", "/section:sites", "/[name='depot'].id:0" }, NULL, 13, NULL },
        { "the same binding twice (E3b)", { "set", "site", "depot", "/+bindings.[protocol='ftp',bindingInformation='*:2121:']" },
          NULL, 183,
          "ERROR ( message:New binding object missing required attributes. Cannot add duplicate collection entry of type "
          "'binding' with combined key attributes 'protocol, bindingInformation' respectively set to 'ftp, *:2121:'\n\n. )\n" },
        { "friendly bindings", { "set", "site", "depot", "/bindings:ftp://*:2121,ftp://ftp.example.com,https://10.0.0.1/,ftp://[::1]:990" },
          NULL, 0, CHANGED },
        { "as they are kept", { "list", "site", "depot", "/text:bindings" }, NULL, 0,
          "ftp/*:2121:,ftp/*:21:ftp.example.com,https/10.0.0.1:443:,ftp/[::1]:990:\n" },
        { "a binding without protocol", { "set", "site", "depot", "/bindings:*:21:" }, NULL, 87,
          INVALID_BINDING("*:21:", "") },
        { "one for those that are added", { "set", "site", "depot", "/bindings:+ftp/*:2130:" }, NULL, 87,
          INVALID_BINDING("+ftp/*:2130:", "; one is added to the others with \"/+bindings.[protocol='ftp',bindingInformation='*:21:']\"") },
        { "or taken away", { "set", "site", "depot", "/bindings:-ftp/*:21:" }, NULL, 87, NULL },
        { "a blank between two", { "set", "site", "depot", "/bindings:ftp/*:2122: ftp/*:2123:" }, NULL, 87,
          INVALID_BINDING("ftp/*:2122: ftp/*:2123:", "; a comma stands between two") },
        { "a port alone", { "add", "site", "/name:x", "/bindings:ftp/21" }, NULL, 87, INVALID_BINDING("ftp/21", "; two colons are needed") },
        { "a port that is none", { "set", "site", "depot", "/bindings:FTP/*:0:" }, NULL, 87,
          INVALID_BINDING("FTP/*:0:", "; the port must be 1 to 65535") },
        { "nothing was replaced", { "list", "site", "depot", "/text:bindings" }, NULL, 0,
          "ftp/*:2121:,ftp/*:21:ftp.example.com,https/10.0.0.1:443:,ftp/[::1]:990:\n" },
        { "other protocols have forms of their own", { "set", "site", "files", "/bindings:net.tcp/808:*,msmq.formatname/localhost,ftp/*:21:" },
          NULL, 0, NULL },
        { "without its ftp binding", { "set", "site", "files", "/-bindings.[protocol='ftp']" }, NULL, 0, NULL },
        { "a site of the web alone (E6)", { "stop", "site", "files" }, NULL, 4312,
          "ERROR ( hresult:800710d8, message:Command execution failed.\nThe object identifier does not represent a valid object.\n )\n" },
        { "start needs the service", { "start", "site", "depot" }, NULL, 1062,
          "ERROR ( hresult:80070426, message:Command execution failed.\nThe service has not been started.\n )\n" },
        { "delete with its applications", { "delete", "site", "Depot" }, NULL, 0,
          "APP object \"depot/\" deleted\nVDIR object \"depot/\" deleted\nSITE object \"depot\" deleted\n" },
        { "the hole in the numbers is filled first", { "add", "site", "/name:depot" }, NULL, 0, "SITE object \"depot\" added\n" },
        { "delete", { "delete", "site", "FILES" }, NULL, 0, "APP object \"files/\" deleted\nVDIR object \"files/\" deleted\nSITE object \"files\" deleted\n" },
        { "is gone", { "delete", "site", "files" }, NULL, 1168, CANNOT_FIND("SITE", "files") },
        { "the hole in the numbers is filled", { "add", "site", "/name:two" }, NULL, 0, "SITE object \"two\" added\n" },
        { "with 2", { "list", "site", "two", "/text:id" }, NULL, 0, "2\n" },
    };
    scenario_play(steps, COUNT_OF(steps));
}

#define LEFT_OVER(name) "ERROR ( message:Section \"sallyport/sites\" has settings for \"" name "\" already, which would become the site's.  " \
                        "If nobody needs them: set config -section:sallyport/sites \"/-[name='" name "']\" )\n"

/* What sallyport/sites says of a site is Sallyport's own and goes where the site goes. */
static void test_own_settings(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "another", { "add", "site", "/name:two" }, NULL, 0, NULL },
        { "settings", { "set", "config", "/section:sallyport/sites", "/+[name='Depot',lowDataChannelPort='51000',highDataChannelPort='51099']",
          "/+[name='lost']" }, NULL, 0, NULL },
        { "a new name", { "set", "site", "depot", "/name:Store", "/id:7" }, NULL, 0, "SITE object \"depot\" changed\n" },
        { "has them", { "list", "config", "/section:sallyport/sites" }, NULL, 0,
          "<sallyport>\n  <sites>\n    <site name=\"Store\" lowDataChannelPort=\"51000\" highDataChannelPort=\"51099\" />\n"
          "    <site name=\"lost\" />\n  </sites>\n</sallyport>\n" },
        { "a name with settings that are left over", { "set", "site", "store", "/name:lost" }, NULL, 183, LEFT_OVER("lost") },
        { "which are no gift", { "set", "site", "two", "/name:Lost" }, NULL, 183, LEFT_OVER("Lost") },
        { "nothing was done", { "list", "site", "Store", "/text:id" }, NULL, 0, "7\n" },
        { "nor to the other", { "list", "site", "two", "/text:id" }, NULL, 0, "2\n" },
        { "a site without settings", { "set", "site", "two", "/name:three" }, NULL, 0, "SITE object \"two\" changed\n" },
        { "with some", { "set", "config", "/section:sallyport/sites", "/+[name='three']" }, NULL, 0, NULL },
        { "the name of another site", { "set", "site", "store", "/name:Three" }, NULL, 183,
          "ERROR ( hresult:800700b7, message:Command execution failed.\n@DIR@/applicationHost.config:32:13: system.applicationHost/sites: Cannot "
          "add duplicate collection entry of type 'site' with unique key attribute 'name' set to 'three'\n )\n" },
        { "without some", { "set", "config", "/section:sallyport/sites", "/-[name='three']" }, NULL, 0, NULL },
        { "written otherwise", { "set", "site", "store", "/name:STORE" }, NULL, 0, "SITE object \"Store\" changed\n" },
        { "with an accent", { "set", "site", "store", "/name:D\xC3\xA9p\xC3\xB4t" }, NULL, 0, "SITE object \"STORE\" changed\n" },
        { "and written otherwise", { "set", "site", "D\xC3\xA9p\xC3\xB4t", "/name:D\xC3\x89P\xC3\x94T" }, NULL, 0,
          "SITE object \"D\xC3\xA9p\xC3\xB4t\" changed\n" },
        { "still has them", { "list", "config", "/section:sallyport/sites" }, NULL, 0,
          "<sallyport>\n  <sites>\n    <site name=\"D\xC3\x89P\xC3\x94T\" lowDataChannelPort=\"51000\" highDataChannelPort=\"51099\" />\n"
          "    <site name=\"lost\" />\n  </sites>\n</sallyport>\n" },
        { "in small letters", { "list", "site", "d\xC3\xA9p\xC3\xB4t", "/text:id" }, NULL, 0, "7\n" },
        { "as a condition", { "list", "site", "/name:d\xC3\xA9p\xC3\xB4t", "/text:id" }, NULL, 0, "7\n" },
        { "without accents it is another", { "list", "site", "depot", "/text:id" }, NULL, 1, "" },
        { "its directory", { "list", "vdir", "d\xC3\xA9p\xC3\xB4t/", "/text:path" }, NULL, 0, "/\n" },
        { "its settings", { "set", "config", "d\xC3\xA9p\xC3\xB4t", "-section:" AUTHORIZATION, "/+[accessType='Allow',users='x']" }, NULL, 0,
          APPLIED(AUTHORIZATION, "/D\xC3\x89P\xC3\x94T") },
        { "deleted", { "delete", "site", "d\xC3\xA9p\xC3\xB4t" }, NULL, 0, NULL },
        { "with its settings", { "list", "config", "/section:sallyport/sites" }, NULL, 0,
          "<sallyport>\n  <sites>\n    <site name=\"lost\" />\n  </sites>\n</sallyport>\n" },
        { "is gone", { "list", "site", "store" }, NULL, 1, "" },
    };
    scenario_play(steps, COUNT_OF(steps));
}

#define LOCKED "ERROR ( hresult:80070021, message:Command execution failed.\nThis configuration section cannot be used at this path. This " \
               "happens when the section is locked at a parent level. Locking is either by default (overrideModeDefault=\"Deny\"), or " \
               "set explicitly by a location tag with overrideMode=\"Deny\" or the legacy allowOverride=\"false\".\n"

static void test_vdirs(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "an application", { "add", "app", "/site.name:Depot", "/path:/app1", "/physicalPath:C:\\app1" }, NULL, 0,
          "APP object \"depot/app1\" added\nVDIR object \"depot/app1/\" added\n" },
        { "a site without any", { "add", "site", "/name:bare" }, NULL, 0, "SITE object \"bare\" added\n" },
        { "its root", { "add", "app", "/site.name:bare", "/path:/", "/physicalPath:C:\\bare" }, NULL, 0,
          "APP object \"bare/\" added\nVDIR object \"bare/\" added\n" },
        { "gone", { "delete", "site", "bare" }, NULL, 0, NULL },
        { "again (E3)", { "add", "app", "/site.name:depot", "/path:/app1" }, NULL, 183, DUPLICATE("/app1") },
        { "to no site (E1)", { "add", "app", "/site.name:x", "/path:/a" }, NULL, 1168, CANNOT_FIND("SITE", "x") },
        { "its root again (E3)", { "add", "vdir", "/app.name:depot/app1", "/path:/", "/physicalPath:C:\\x" }, NULL, 183,
          DUPLICATE("/") },
        { "to no application (E1)", { "add", "vdir", "/app.name:depot/none", "/path:/x", "/physicalPath:C:\\x" }, NULL, 1168,
          CANNOT_FIND("APP", "depot/none") },
        { "a virtual directory of the root", { "add", "vdir", "/app.name:depot/", "/path:/pub", "/physicalPath:/srv/pub" }, NULL, 0,
          "VDIR object \"depot/pub\" added\n" },
        { "and of the application", { "add", "vdir", "/app.name:depot/app1", "/path:/in", "/physicalPath:C:\\in" }, NULL, 0,
          "VDIR object \"depot/app1/in\" added\n" },
        { "applications", { "list", "apps" }, NULL, 0, "APP \"depot/\" (applicationPool:DefaultAppPool)\nAPP \"depot/app1\" (applicationPool:DefaultAppPool)\n" },
        { "virtual directories", { "list", "vdirs" }, NULL, 0,
          "VDIR \"depot/\" (physicalPath:C:\\depot)\nVDIR \"depot/pub\" (physicalPath:/srv/pub)\n"
          "VDIR \"depot/app1/\" (physicalPath:C:\\app1)\nVDIR \"depot/app1/in\" (physicalPath:C:\\in)\n" },
        { "of one application", { "list", "vdirs", "/app.name:depot/" }, NULL, 0,
          "VDIR \"depot/\" (physicalPath:C:\\depot)\nVDIR \"depot/pub\" (physicalPath:/srv/pub)\n" },
        { "the folder alone", { "list", "vdir", "depot/app1/in", "/text:physicalPath" }, NULL, 0, "C:\\in\n" },
        { "set", { "set", "vdir", "depot/pub", "/physicalPath:D:\\pub" }, NULL, 0, "VDIR object \"depot/pub\" changed\n" },
        { "was set", { "list", "vdir", "/vdir.name:depot/pub" }, NULL, 0, "VDIR \"depot/pub\" (physicalPath:D:\\pub)\n" },
        { "no such one", { "set", "vdir", "depot/x", "/physicalPath:D:\\" }, NULL, 1168, CANNOT_FIND("VDIR", "depot/x") },
        { "delete", { "delete", "vdir", "depot/pub" }, NULL, 0, "VDIR object \"depot/pub\" deleted\n" },
        { "an application with all", { "delete", "app", "Depot/app1/" }, NULL, 0,
          "VDIR object \"depot/app1/\" deleted\nVDIR object \"depot/app1/in\" deleted\nAPP object \"depot/app1\" deleted\n" },
        { "what is left", { "list", "vdirs" }, NULL, 0, "VDIR \"depot/\" (physicalPath:C:\\depot)\n" },
    };
    scenario_play(steps, COUNT_OF(steps));
}

/* The forms of the documents, appcmd.md section 6. */
static void test_config(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "flags in a list", { "set", "config", "-section:" SITES, "/[name='depot'].ftpServer.directoryBrowse.showFlags:StyleUnix, LongDate",
          "/commit:apphost" }, NULL, 0, APPLIED(SITES, "") },
        { "quotes eaten by the shell", { "set", "config", "-section:" SITES,
          "/[name=depot].ftpServer.security.authentication.clientCertAuthentication.enabled:True", "/commit:apphost" }, NULL, 0,
          APPLIED(SITES, "") },
        { "a nested collection", { "set", "config", "-section:" SITES,
          "/+[name='depot'].ftpServer.security.commandFiltering.[command='STAT',allowed='False']", "/commit:apphost" }, NULL, 0,
          APPLIED(SITES, "") },
        { "a rule at a folder", { "set", "config", "Depot/in/", "-section:" AUTHORIZATION,
          "/+[accessType='Allow',roles='editors',permissions='Read, Write']", "/commit:apphost" }, NULL, 0,
          APPLIED(AUTHORIZATION, "/depot/in") },
        { "an address", { "set", "config", "depot", "-section:system.ftpServer/security/ipSecurity",
          "/+[ipAddress='192.0.2.0',subnetMask='255.255.255.0']", "/commit:apphost" }, NULL, 0,
          APPLIED("system.ftpServer/security/ipSecurity", "/depot") },
        { "a property and a collection in one line",
          { "set", "config", "depot", "-section:system.ftpServer/security/requestFiltering", "/requestLimits.maxUrl:2048",
            "/+fileExtensions.[fileExtension='.tmp',allowed='False']", "/commit:apphost" }, NULL, 0,
          APPLIED("system.ftpServer/security/requestFiltering", "/depot") },
        { "server level", { "set", "config", "-section:system.ftpServer/security/authentication", "/denyByFailure.enabled:True",
          "/denyByFailure.maxFailure:6", "/commit:apphost" }, NULL, 0, APPLIED("system.ftpServer/security/authentication", "") },
        { "a collection in a collection, outer first",
          { "set", "config", "-section:system.ftpServer/providerDefinitions", "/+activation.[name='Audit']", "/commit:apphost" },
          NULL, 0, APPLIED("system.ftpServer/providerDefinitions", "") },
        { "then inner", { "set", "config", "-section:system.ftpServer/providerDefinitions",
          "/+activation.[name='Audit'].[key='target',value='local']", "/commit:apphost" }, NULL, 0,
          APPLIED("system.ftpServer/providerDefinitions", "") },
        { "no such element (E2)", { "set", "config", "-section:" SITES, "/[name='x'].id:3" }, NULL, 4312, NO_ELEMENT },
        { "malformed index (E4)", { "set", "config", "-section:" SITES, "/[name='x.id:3" }, NULL, 87, MALFORMED },
        { "add without an index (E4)", { "set", "config", "-section:" SITES, "/+siteDefaults" }, NULL, 87, MALFORMED },
        { "unknown attribute (E5)", { "set", "config", "-section:system.ftpServer/firewallSupport", "/port:1" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("port") },
        { "unknown section", { "set", "config", "-section:system.ftpServer/nothing", "/a:1" }, NULL, 87,
          "ERROR ( message:Unknown config section \"system.ftpServer/nothing\".  Replace with ? for help. )\n" },
        { "a short name that only another file has as well", { "set", "config", "-section:authorization", "/a:1" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("a") },
        { "a short name that one has", { "set", "config", "-section:firewallSupport", "/lowDataChannelPort:6000" }, NULL, 0,
          APPLIED("system.ftpServer/firewallSupport", "") },
        { "path of no site (E1)", { "set", "config", "x/y", "-section:system.ftpServer/security/ipSecurity", "/allowUnlisted:false" },
          NULL, 1168, CANNOT_FIND("SITE", "x") },
        { "a path that nothing would look up", { "set", "config", "depot/./secret", "-section:" AUTHORIZATION, "/+[accessType='Deny',users='*']" }, NULL, 13,
          BAD_PATH("depot/./secret") },
        { "nor by a URL", { "set", "config", "ftp://localhost/in/../secret", "-section:" AUTHORIZATION, "/+[accessType='Deny',users='*']" }, NULL, 13,
          BAD_PATH("depot/in/../secret") },
        { "to lock", { "lock", "config", "depot/..", "-section:" AUTHORIZATION }, NULL, 13, BAD_PATH("depot/..") },
        { "to look at", { "list", "config", "depot/../x", "-section:" AUTHORIZATION }, NULL, 13, BAD_PATH("depot/../x") },
        { "a slash too many", { "list", "config", "depot//x" }, NULL, 13, BAD_PATH("depot//x") },
        { "full path", { "list", "config", "MACHINE/WEBROOT/APPHOST/depot/in", "/section:" AUTHORIZATION },
          NULL, 0,
          LISTED("      <add accessType=\"Allow\" roles=\"editors\" permissions=\"Read, Write\" />\n") },
        { "the same rule twice (E3b)", { "set", "config", "depot/in", "-section:" AUTHORIZATION,
          "/+[accessType='Deny',roles='editors',permissions='Read, Write']" }, NULL, 183, NULL },
        { "remove it", { "set", "config", "depot/in", "-section:" AUTHORIZATION,
          "/-[users='',roles='editors',permissions='Read, Write']" }, NULL, 0, APPLIED(AUTHORIZATION, "/depot/in") },
        { "remove an attribute", { "set", "config", "-section:firewallSupport", "/-lowDataChannelPort" }, NULL, 0,
          APPLIED("system.ftpServer/firewallSupport", "") },
        { "an unknown attribute of a new element (E5)", { "set", "config", "depot", "-section:system.ftpServer/security/ipSecurity",
          "/+[ipAddress='192.0.2.9',colour='red']" }, NULL, 87, UNKNOWN_ATTRIBUTE("colour") },
        { "an element without its key", { "set", "config", "-section:" SITES, "/+[id='77']" }, NULL, 87,
          "ERROR ( message:New site object missing required attributes. Missing required attribute 'name'\n\n. )\n" },
        { "a section that only the server may have", { "set", "config", "depot", "-section:firewallSupport", "/lowDataChannelPort:1" },
          NULL, 33, LOCKED "The section system.ftpServer/firewallSupport is the server's alone (allowDefinition of its declaration): give the "
          "command without \"depot\".\n )\n" },
        { "the sites, as if they were a site's", { "set", "config", "depot", "-section:sites", "/[name='depot'].ftpServer.allowUTF8:false" },
          NULL, 33, LOCKED "The section " SITES " is the server's alone (allowDefinition of its declaration): give the command without "
          "\"depot\".\n )\n" },
        { "an item is locked", { "set", "config", "-section:requestFiltering", "/hiddenSegments.[segment='_vti_bin'].lockItem:true" }, NULL, 0, NULL },
        { "and where is told", { "set", "config", "depot", "-section:requestFiltering", "/-hiddenSegments.[segment='_vti_bin']" }, NULL, 33,
          LOCKED "@DIR@/applicationHost.config:102:25: system.ftpServer/security/requestFiltering/hiddenSegments: Lock violation. The item is "
          "locked (lockItem) at a parent level\n )\n" },
        { "a value that is not allowed changes nothing", { "set", "config", "-section:" SITES,
          "/[name='depot'].ftpServer.allowUTF8:false", "/[name='depot'].ftpServer.userIsolation.mode:Perhaps" }, NULL, 13, NULL },
        { "as before", { "list", "site", "depot", "/text:ftpServer.allowUTF8" }, NULL, 0, "true\n" },
        { "clear", { "clear", "config", "depot", "/section:system.ftpServer/security/ipSecurity" }, NULL, 0,
          APPLIED("system.ftpServer/security/ipSecurity", "/depot") },
        { "lock", { "lock", "config", "/section:system.ftpServer/security/ipSecurity" }, NULL, 0,
          "Locked section \"system.ftpServer/security/ipSecurity\" at configuration path \"MACHINE/WEBROOT/APPHOST\".\n" },
        { "unlock", { "unlock", "config", "/section:system.ftpServer/security/ipSecurity" }, NULL, 0,
          "Unlocked section \"system.ftpServer/security/ipSecurity\" at configuration path \"MACHINE/WEBROOT/APPHOST\".\n" },
        { "nothing to set", { "set", "config", "-section:" SITES }, NULL, 87, NULL },
    };
    scenario_play(steps, COUNT_OF(steps));
}

/* Order, positions and locks of collections; "[@position,name='value',...]" of the documents. */
static void test_collections(void **state)
{
    (void)state;
    static const char rules[] =
        LISTED("      <add accessType=\"Deny\" users=\"mallory\" />\n      <add accessType=\"Allow\" users=\"carl\" />\n"
               "      <add accessType=\"Allow\" users=\"anna\" />\n      <add accessType=\"Allow\" users=\"bert\" />\n");
#define AUTHORIZE "set", "config", "depot", "-section:" AUTHORIZATION
#define AUTHORIZED APPLIED(AUTHORIZATION, "/depot")
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "at the end", { AUTHORIZE, "/+[accessType='Allow',users='anna']" }, NULL, 0, AUTHORIZED },
        { "at the end, said", { AUTHORIZE, "/+[@end,accessType='Allow',users='bert']" }, NULL, 0, AUTHORIZED },
        { "at the start", { AUTHORIZE, "/+[@start,accessType='Deny',users='mallory']" }, NULL, 0, AUTHORIZED },
        { "at a number", { AUTHORIZE, "/+[@1,accessType='Allow',users='carl']" }, NULL, 0, AUTHORIZED },
        { "in this order", { "list", "config", "depot", "/section:authorization" }, NULL, 0, rules },
        { "changed by position", { AUTHORIZE, "/[@start].users:eve" }, NULL, 0, AUTHORIZED },
        { "changed by the last position and by key", { AUTHORIZE, "/[@end].permissions:Read", "/[users='carl'].permissions:write, READ" },
          NULL, 0, AUTHORIZED },
        { "removed by position", { AUTHORIZE, "/-[@2]" }, NULL, 0, AUTHORIZED },
        { "removed by key", { AUTHORIZE, "/-[users='bert']" }, NULL, 0, AUTHORIZED },
        { "what is left", { "list", "config", "depot", "/section:authorization" }, NULL, 0,
          LISTED("      <add accessType=\"Deny\" users=\"eve\" />\n"
                 "      <add accessType=\"Allow\" users=\"carl\" permissions=\"Read, Write\" />\n") },
        { "a position beyond the end (E2)", { AUTHORIZE, "/-[@7]" }, NULL, 4312, NO_ELEMENT },
        { "a missing element is never made by setting (E2)", { AUTHORIZE, "/[users='dora'].permissions:Read" }, NULL, 4312,
          NO_ELEMENT },
        { "malformed (E4)", { AUTHORIZE, "/+[@middle,users='x']" }, NULL, 87, MALFORMED },
        { "an addition without keys (E4)", { AUTHORIZE, "/+[@start]" }, NULL, 87, MALFORMED },
        { "below the server's rule it is taken away by a directive", { "set", "config", "-section:" AUTHORIZATION,
          "/+[accessType='Allow',users='*',permissions='Read']" }, NULL, 0, NULL },
        { "inherited", { AUTHORIZE, "/-[users='*']" }, NULL, 0, AUTHORIZED },
        { "so", { "list", "config", "depot", "/section:authorization" }, NULL, 0,
          LISTED("      <remove users=\"*\" roles=\"\" permissions=\"Read\" />\n"
                 "      <add accessType=\"Deny\" users=\"eve\" />\n"
                 "      <add accessType=\"Allow\" users=\"carl\" permissions=\"Read, Write\" />\n") },
        { "a locked item", { "set", "config", "-section:system.ftpServer/security/ipSecurity", "/+[ipAddress='192.0.2.1',lockItem='true']" },
          NULL, 0, NULL },
        { "stays below (lock violation)", { "set", "config", "depot", "-section:system.ftpServer/security/ipSecurity", "/-[ipAddress='192.0.2.1']" },
          NULL, 33, NULL },
    };
    scenario_play(steps, COUNT_OF(steps));
}

static void test_users(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "add", { "add", "user", "anna" }, "secret\n", 0, "USER object \"anna\" added\n" },
        { "again, other case", { "add", "user", "ANNA" }, "secret\n", 183, DUPLICATE("ANNA") },
        { "an argument can be seen by all", { "add", "user", "bert", "/password:secret" }, NULL, 87, NULL },
        { "insisted", { "add", "user", "bert", "/password:secret", "/allowPasswordArgument", "/enabled:false" }, NULL, 0,
          "USER object \"bert\" added\n" },
        { "no password given", { "add", "user", "carl" }, "", 87,
          "ERROR ( message:No password was given.  It is read as one line from standard input. )\n" },
        { "an empty one", { "add", "user", "carl" }, "\n", 87, "ERROR ( message:The password must not be empty. )\n" },
        { "no name", { "add", "user" }, "x\n", 87, "ERROR ( message:Must specify the user name. )\n" },
        { "list", { "list", "users" }, NULL, 0,
          "USER \"anna\" (type:IISManager,enabled:true,sites:)\nUSER \"bert\" (type:IISManager,enabled:false,sites:)\n" },
        { "allow", { "allow", "user", "anna", "/site:Depot" }, NULL, 0, "USER object \"anna\" allowed for \"/depot\"\n" },
        { "again", { "allow", "user", "anna", "/site:depot" }, NULL, 183, DUPLICATE("anna") },
        { "nobody", { "allow", "user", "dora", "/site:depot" }, NULL, 1168, CANNOT_FIND("USER", "dora") },
        { "nowhere", { "allow", "user", "anna", "/site:x" }, NULL, 1168, CANNOT_FIND("SITE", "x") },
        { "a group", { "allow", "user", "staff", "/site:depot", "/role" }, NULL, 0,
          "USER object \"staff\" allowed for \"/depot\"\n" },
        { "who is allowed", { "list", "user", "/site:depot" }, NULL, 0,
          "USER \"anna\" (type:IISManager,enabled:true,sites:depot)\nUSER \"staff\" (type:Group,enabled:true,sites:depot)\n" },
        { "enable", { "set", "user", "bert", "/enabled:true" }, NULL, 0, "USER object \"bert\" changed\n" },
        { "nothing to change", { "set", "user", "bert" }, NULL, 87, NULL },
        { "another password", { "set", "user", "bert", "/password" }, "other\n", 0, "USER object \"bert\" changed\n" },
        { "deny", { "deny", "user", "anna", "/site:depot" }, NULL, 0, "USER object \"anna\" denied for \"/depot\"\n" },
        { "was not allowed", { "deny", "user", "anna", "/site:depot" }, NULL, 4312, NO_ELEMENT },
        { "allow once more", { "allow", "user", "anna", "/site:depot" }, NULL, 0, NULL },
        { "delete with permissions", { "delete", "user", "anna", "/permissions" }, NULL, 0, "USER object \"anna\" deleted\n" },
        { "only the group is left", { "list", "user", "/site:depot" }, NULL, 0,
          "USER \"staff\" (type:Group,enabled:true,sites:depot)\n" },
        { "IIS's own form", { "set", "config", "-section:sallyport/iisManagerUsers", "/passwordFormat:Sha256" }, NULL, 0, NULL },
        { "with it", { "set", "user", "bert", "/password" }, "abc\n", 0, NULL },
        { "is stored", { "list", "user", "bert", "/text:password" }, NULL, 0,
          "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n" },
        { "with an accent", { "add", "user", "zo\xC3\xAB" }, "secret\n", 0, NULL },
        { "in other letters", { "add", "user", "ZO\xC3\x8B" }, "secret\n", 183, DUPLICATE("ZO\xC3\x8B") },
        { "allowed in them", { "allow", "user", "ZO\xC3\x8B", "/site:depot" }, NULL, 0, "USER object \"ZO\xC3\x8B\" allowed for \"/depot\"\n" },
        { "is one user", { "list", "user", "Zo\xC3\xAB", "/text:sites" }, NULL, 0, "depot\n" },
        { "denied in others", { "deny", "user", "zo\xC3\xAB", "/site:depot" }, NULL, 0, NULL },
    };
    scenario_play(steps, COUNT_OF(steps));
}

static void test_words(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "an unknown object (E10)", { "list", "apppool" }, NULL, 87,
          "Object 'apppool' is not supported.  Run 'appcmd.exe /?' to display supported objects.\n" },
        { "an unknown verb", { "paint", "site" }, NULL, 87,
          "Command 'paint' is not supported.  Run 'appcmd.exe /?' to display supported commands.\n" },
        { "a verb that the object lacks", { "allow", "site" }, NULL, 87,
          "Command 'allow' is not supported by object site.  Run 'appcmd.exe site /?' to display supported commands.\n" },
        { "the help it names", { "site", "/?" }, NULL, 0, NULL },
        { "a parameter nobody knows (E5)", { "delete", "site", "x", "/colour" }, NULL, 87, UNKNOWN_ATTRIBUTE("colour") },
        { "two identifiers (E9)", { "set", "site", "a", "b" }, NULL, 87,
          "Failed to process input: The parameter 'b' must begin with a / or - (HRESULT=80070057).\n" QUOTES },
        { "an identifier where none is taken (E9)", { "add", "vdir", "a" }, NULL, 87,
          "Failed to process input: The parameter 'a' must begin with a / or - (HRESULT=80070057).\n" QUOTES },
        { "slashes instead of dots", { "set", "site", "a", "/ftpServer/security/ssl/controlChannelPolicy:SslAllow" }, NULL, 87,
          "Failed to process input: The parameter '/ftpServer/security/ssl/controlChannelPolicy:SslAllow' must begin with a / or - "
          "(HRESULT=80070057).\nIn the names of properties write dots instead of slashes: /ftpServer.security.ssl.controlChannelPolicy\n" },
        { "a path where none is taken", { "add", "vdir", "/srv/x" }, NULL, 87,
          "Failed to process input: The parameter '/srv/x' must begin with a / or - (HRESULT=80070057).\n" QUOTES },
        { "a name in two words", { "add", "site", "/name:My", "FTP2" }, NULL, 87,
          "ERROR ( message:\"FTP2\" is a second name beside /name:My.  If it belongs to a text with blanks, put that in quotes: "
          "\"/name:My FTP2\". )\n" },
        { "a second word behind a verb that stands alone (E9)", { "check", "a", "b" }, NULL, 87,
          "Failed to process input: The parameter 'b' must begin with a / or - (HRESULT=80070057).\n" QUOTES },
        { "help of a verb that would ask", { "add", "user", "x", "/?" }, NULL, 0, NULL },
        { "version", { "version" }, NULL, 0, "sallyport " SALLYPORT_VERSION "\n" },
    };
    scenario_play(steps, COUNT_OF(steps));
}

static void test_instance(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "nothing there yet", { "list", "site" }, NULL, 2, NULL },
        { "no drive", { "create", "instance", "/drive:CD=/x" }, NULL, 87, NULL },
        { "no absolute folder", { "create", "instance", "/drive:C:=x" }, NULL, 87, NULL },
        { "two drives", { "create", "instance", "/drive:C:=@DIR@/a & b", "/drive:d=@DIR@/d" }, NULL, 0,
          "INSTANCE object \"@DIR@\" added\n" },
        { "not again", { "create", "instance" }, NULL, 80, NULL },
        { "the drives", { "list", "config", "/section:sallyport/paths" }, NULL, 0,
          "<sallyport>\n  <paths>\n    <drives>\n      <add drive=\"C:\" path=\"@DIR@/a &amp; b\" />\n"
          "      <add drive=\"D:\" path=\"@DIR@/d\" />\n    </drives>\n  </paths>\n</sallyport>\n" },
        { "the provider of IIS Manager users", { "list", "config", "/section:system.ftpServer/providerDefinitions" }, NULL, 0, NULL },
    };
    struct scenario s;
    struct stat st;
    char path[128];
    scenario_begin(&s, false);
    scenario_steps(&s, steps, COUNT_OF(steps));
    snprintf(path, sizeof path, "%s/certificates/MY", s.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/a & b/inetpub/ftproot", s.dir);
    assert_int_equal(stat(path, &st), 0);
    scenario_end(&s);
}

/* Somebody saves while the password is being typed (threats.md X03): nothing is lost, nothing is overwritten. */
struct late_writer {
    const char *path;
    size_t at;
};

static ssize_t write_late(void *context, char *buffer, size_t size)
{
    static const char typed[] = "secret\n";
    struct late_writer *w = context;
    FILE *f = w->at == 0 ? fopen(w->path, "a") : NULL;
    if (f && (fputs("<!-- another editor -->\n", f) < 0 || fclose(f) != 0))
        return -1;
    size_t len = strlen(typed + w->at) < size ? strlen(typed + w->at) : size;
    memcpy(buffer, typed + w->at, len);
    w->at += len;
    return (ssize_t)len;
}

static void test_two_editors(void **state)
{
    (void)state;
    struct scenario s;
    char path[128];
    size_t len = 0;
    scenario_begin(&s, true);
    snprintf(path, sizeof path, "%s/administration.config", s.dir);
    struct late_writer writer = { path, 0 };
    FILE *in = fopencookie(&writer, "r", (cookie_io_functions_t){ .read = write_late });
    free(s.out);
    FILE *out = open_memstream(&s.out, &len);
    char *argv[] = { (char *)"sallyport", (char *)"--config", s.dir, (char *)"add", (char *)"user", (char *)"anna", NULL };
    assert_int_equal(cli_run(6, argv, in, out), 32);
    fclose(in);
    fclose(out);
    assert_memory_equal(s.out, "ERROR ( hresult:80070020, message:Failed to commit configuration changes.\n", 74);
    scenario_assert_file_has(&s, "administration.config", "<!-- another editor -->");
    char *file = scenario_file(&s, "administration.config");
    assert_null(strstr(file, "anna"));
    free(file);
    scenario_end(&s);
}

/* A broken file: what and where, nothing written (E11). */
static void test_broken_file(void **state)
{
    (void)state;
    static const char *const list[] = { "list", "site", NULL };
    struct scenario s;
    char path[128];
    scenario_begin(&s, true);
    snprintf(path, sizeof path, "%s/applicationHost.config", s.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("<configuration>\n<oops>\n</configuration>\n", f);
    fclose(f);
    assert_int_equal(scenario_run(&s, list, NULL), 1168);
    static const char begin[] = "ERROR ( message:Configuration error\n\nFilename: \\\\?\\";
    assert_memory_equal(s.out, begin, sizeof begin - 1);
    assert_non_null(strstr(s.out, "\n\nLine Number: "));
    assert_non_null(strstr(s.out, "\n\nDescription: "));
    scenario_end(&s);
}

#define SET_RULES "set", "config", "/section:" AUTHORIZATION
#define LIST_RULES "list", "config", "/section:" AUTHORIZATION
#define CHANGED_RULES APPLIED(AUTHORIZATION, "")
#define ADD_RULE(text) { "a rule: " text, { SET_RULES, "/+[" text "]" }, NULL, 0, CHANGED_RULES }
#define SEVERAL(keys) "ERROR ( message:More than one collection element matches: say which with " keys "its position, [@N,...]. )\n"

static void test_one_of_several(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_RULE("accessType='Allow',users='a'"), ADD_RULE("accessType='Allow',users='b'"), ADD_RULE("accessType='Allow',users='c'"),
        { "a position and what does not stand there", { SET_RULES, "/-[@2,users='a']" }, NULL, 4312, NO_ELEMENT },
        { "a position behind the end", { SET_RULES, "/-[@3,accessType='Allow']" }, NULL, 4312, NO_ELEMENT },
        { "the item at the position changes, not the first", { SET_RULES, "/[@1,accessType='Allow'].users:d" }, NULL, 0, CHANGED_RULES },
        { "the item at the position goes, not the first", { SET_RULES, "/-[@2,accessType='Allow']" }, NULL, 0, CHANGED_RULES },
        { "the others stay", { LIST_RULES }, NULL, 0,
          LISTED("      <add accessType=\"Allow\" users=\"a\" />\n      <add accessType=\"Allow\" users=\"d\" />\n") },
        { "the last one", { SET_RULES, "/-[@end,accessType='Allow']" }, NULL, 0, CHANGED_RULES },
        { "went", { LIST_RULES }, NULL, 0, LISTED("      <add accessType=\"Allow\" users=\"a\" />\n") },
        ADD_RULE("accessType='Deny',users='a',permissions='Write'"),
        { "half a key takes away no Allow in silence", { SET_RULES, "/-[users='a']" }, NULL, 87,
          SEVERAL("roles, permissions as well, or with ") },
        { "nor does it change one", { SET_RULES, "/[users='a',roles=''].users:b" }, NULL, 87,
          SEVERAL("permissions as well, or with ") },
        { "a search is content with any", { "search", "config", "/section:" AUTHORIZATION, "/[users='a']" }, NULL, 0,
          "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST\"\n" },
        { "the whole key", { SET_RULES, "/-[users='a',roles='',permissions='Write']" }, NULL, 0, CHANGED_RULES },
        { "takes the Deny", { LIST_RULES }, NULL, 0, LISTED("      <add accessType=\"Allow\" users=\"a\" />\n") },
        { "half a key is enough for the only one", { SET_RULES, "/-[users='a']" }, NULL, 0, CHANGED_RULES },
    };
    scenario_play(steps, COUNT_OF(steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sites),  cmocka_unit_test(test_own_settings), cmocka_unit_test(test_vdirs), cmocka_unit_test(test_config),  cmocka_unit_test(test_collections),
        cmocka_unit_test(test_users),  cmocka_unit_test(test_words), cmocka_unit_test(test_instance),
        cmocka_unit_test(test_two_editors), cmocka_unit_test(test_broken_file), cmocka_unit_test(test_one_of_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
