/*
 * ssl_client_certificates_admin_manager.c - the same settings after the JavaScript and VBScript samples
 * (Microsoft.ApplicationHost.WritableAdminManager), with every attribute of the element, and the old values shown.
 *
 *     cc ssl_client_certificates_admin_manager.c $(pkg-config --cflags --libs sallyport) -o admin_manager
 *     ./admin_manager [CONFIGURATION-FOLDER] [SITE]
 */
#include <sallyport/management.h>

#include <stdio.h>

static const struct {
    const char *name, *value;
} wanted[] = {
    { "clientCertificatePolicy", "CertRequire" },
    { "validationFlags", "CertChainRevocationCheckCacheOnly, CertChainCacheOnlyUrlRetrieval" },
    { "revocationFreshnessTime", "01:00:00" },
    { "revocationUrlRetrievalTimeout", "00:00:30" },
    { "useActiveDirectoryMapping", "True" },
};

static int configure(struct sp_manager *admin_manager, const char *site_name)
{
    int status = sp_manager_set_commit_path(admin_manager, "MACHINE/WEBROOT/APPHOST");
    if (status)
        return status;
    struct sp_element *sites = sp_manager_section(admin_manager, "system.applicationHost/sites", "MACHINE/WEBROOT/APPHOST");
    struct sp_element *site = sp_collection_find_by(sites, "name", site_name);
    struct sp_element *certificates = sp_element_child(site, "ftpServer/security/sslClientCertificates");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && !status; i++) {
        static const char *const origins[] = { "by default", "inherited", "set" };
        struct sp_value old;
        status = sp_element_get(certificates, wanted[i].name, &old);
        if (!status)
            printf("%s was \"%s\" (%s)\n", wanted[i].name, old.text, origins[old.origin]);
        if (!status)
            status = sp_element_set(certificates, wanted[i].name, wanted[i].value);
    }
    return status ? status : sp_manager_commit(admin_manager);
}

int main(int argc, char **argv)
{
    struct sp_manager *admin_manager;
    struct sp_error error;
    char line[1200];
    int status = sp_manager_open(argc > 1 ? argv[1] : NULL, &admin_manager, &error);
    if (!status) {
        status = configure(admin_manager, argc > 2 ? argv[2] : "ftp.example.com");
        error = *sp_manager_error(admin_manager);
        sp_manager_free(admin_manager);
    }
    if (status) {
        sp_error_print(&error, line, sizeof line);
        fprintf(stderr, "%s: %s\n", sp_status_name(error.status), line);
    }
    return status ? 1 : 0;
}
