/*
 * client_cert_authentication.c - "The following examples configure an FTP site so that it disables both Anonymous and
 * Basic authentication and enables Client Certificate authentication", from Microsoft's page on
 * <clientCertAuthentication>, as a C program after its C# and VB.NET samples (Microsoft.Web.Administration).
 *
 *     cc client_cert_authentication.c $(pkg-config --cflags --libs sallyport) -o client_cert_authentication
 *     ./client_cert_authentication [CONFIGURATION-FOLDER] [SITE]
 */
#include <sallyport/management.h>

#include <stdio.h>

static int fail(const struct sp_error *error)
{
    char line[1200];
    sp_error_print(error, line, sizeof line);
    fprintf(stderr, "%s: %s\n", sp_status_name(error->status), line);
    return 1;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : NULL;
    const char *site_name = argc > 2 ? argv[2] : "ftp.example.com";
    struct sp_manager *manager;
    struct sp_error error;

    /* using (ServerManager serverManager = new ServerManager()) */
    if (sp_manager_open(directory, &manager, &error))
        return fail(&error);

    /* Configuration config = serverManager.GetApplicationHostConfiguration();
     * ConfigurationSection sitesSection = config.GetSection("system.applicationHost/sites");
     * ConfigurationElementCollection sitesCollection = sitesSection.GetCollection(); */
    struct sp_element *sites = sp_manager_section(manager, "system.applicationHost/sites", NULL);

    /* ConfigurationElement siteElement = FindElement(sitesCollection, "site", "name", @"ftp.example.com");
     * if (siteElement == null) throw new InvalidOperationException("Element not found!"); */
    struct sp_element *site = sp_collection_find_by(sites, "name", site_name);

    /* siteElement.GetChildElement("ftpServer").GetChildElement("security").GetChildElement("authentication") */
    struct sp_element *ftp_server = sp_element_child(site, "ftpServer");
    struct sp_element *security = sp_element_child(ftp_server, "security");
    struct sp_element *authentication = sp_element_child(security, "authentication");

    /* anonymousAuthenticationElement["enabled"] = false; ...
     * serverManager.CommitChanges(); */
    int status = sp_element_set_bool(sp_element_child(authentication, "anonymousAuthentication"), "enabled", false);
    if (!status)
        status = sp_element_set_bool(sp_element_child(authentication, "basicAuthentication"), "enabled", false);
    if (!status)
        status = sp_element_set_bool(sp_element_child(authentication, "clientCertAuthentication"), "enabled", true);
    if (!status)
        status = sp_manager_commit(manager);

    int code = status ? fail(sp_manager_error(manager)) : 0;
    sp_manager_free(manager);
    return code;
}
