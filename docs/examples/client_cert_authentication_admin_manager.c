/*
 * client_cert_authentication_admin_manager.c - the same page's JavaScript and VBScript samples
 * (Microsoft.ApplicationHost.WritableAdminManager): a commit path, and elements looked for by hand.
 *
 *     cc client_cert_authentication_admin_manager.c $(pkg-config --cflags --libs sallyport) -o admin_manager
 *     ./admin_manager [CONFIGURATION-FOLDER] [SITE]
 */
#include <sallyport/management.h>

#include <stdio.h>
#include <strings.h>

/* function FindElement(collection, elementTagName, valuesToMatch) */
static struct sp_element *find_element(struct sp_element *collection, const char *tag, const char *property, const char *value)
{
    for (size_t i = 0; i < sp_collection_count(collection); i++) {
        struct sp_element *element = sp_collection_item(collection, i);
        if (strcasecmp(sp_element_name(element), tag) == 0 &&
            strcasecmp(sp_element_get_text(element, property), value) == 0)
            return element;
    }
    return NULL;
}

static int configure(struct sp_manager *admin_manager, const char *site_name)
{
    /* adminManager.CommitPath = "MACHINE/WEBROOT/APPHOST"; */
    int status = sp_manager_set_commit_path(admin_manager, "MACHINE/WEBROOT/APPHOST");
    if (status)
        return status;

    /* var sitesSection = adminManager.GetAdminSection("system.applicationHost/sites", "MACHINE/WEBROOT/APPHOST");
     * var sitesCollection = sitesSection.Collection; */
    struct sp_element *sites = sp_manager_section(admin_manager, "system.applicationHost/sites", "MACHINE/WEBROOT/APPHOST");

    /* if (siteElementPos == -1) throw "Element not found!"; */
    struct sp_element *site = find_element(sites, "site", "name", site_name);
    if (!site) {
        fprintf(stderr, "Element not found!\n");
        return SP_ERR_NOT_FOUND;
    }

    /* siteElement.ChildElements.Item("ftpServer").ChildElements.Item("security")...
     * ...Properties.Item("enabled").Value = false; */
    static const struct {
        const char *element, *enabled;
    } methods[] = {
        { "ftpServer/security/authentication/anonymousAuthentication", "false" },
        { "ftpServer/security/authentication/basicAuthentication", "false" },
        { "ftpServer/security/authentication/clientCertAuthentication", "true" },
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0] && !status; i++)
        status = sp_element_set(sp_element_child(site, methods[i].element), "enabled", methods[i].enabled);

    /* adminManager.CommitChanges(); */
    return status ? status : sp_manager_commit(admin_manager);
}

int main(int argc, char **argv)
{
    struct sp_manager *admin_manager;
    struct sp_error error;
    char line[1200];

    /* var adminManager = new ActiveXObject('Microsoft.ApplicationHost.WritableAdminManager'); */
    int status = sp_manager_open(argc > 1 ? argv[1] : NULL, &admin_manager, &error);
    if (!status) {
        status = configure(admin_manager, argc > 2 ? argv[2] : "ftp.example.com");
        error = *sp_manager_error(admin_manager);
        sp_manager_free(admin_manager);
    }
    if (status && error.status) {
        sp_error_print(&error, line, sizeof line);
        fprintf(stderr, "%s: %s\n", sp_status_name(error.status), line);
    }
    return status ? 1 : 0;
}
