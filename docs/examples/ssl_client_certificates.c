/*
 * ssl_client_certificates.c - an FTP site that demands client certificates and maps them to Active Directory accounts,
 * from Microsoft's page on <sslClientCertificates>, as a C program after its C# and VB.NET samples
 * (Microsoft.Web.Administration).
 *
 *     cc ssl_client_certificates.c $(pkg-config --cflags --libs sallyport) -o ssl_client_certificates
 *     ./ssl_client_certificates [CONFIGURATION-FOLDER] [SITE]
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
    struct sp_manager *manager;
    struct sp_error error;
    if (sp_manager_open(argc > 1 ? argv[1] : NULL, &manager, &error))
        return fail(&error);

    struct sp_element *sites = sp_manager_section(manager, "system.applicationHost/sites", NULL);
    struct sp_element *site = sp_collection_find_by(sites, "name", argc > 2 ? argv[2] : "ftp.example.com");
    struct sp_element *security = sp_element_child(sp_element_child(site, "ftpServer"), "security");

    /* ConfigurationElement sslClientCertificatesElement = securityElement.GetChildElement("sslClientCertificates");
     * sslClientCertificatesElement["clientCertificatePolicy"] = @"CertRequire";
     * sslClientCertificatesElement["useActiveDirectoryMapping"] = true; */
    struct sp_element *certificates = sp_element_child(security, "sslClientCertificates");
    int status = sp_element_set(certificates, "clientCertificatePolicy", "CertRequire");
    if (!status)
        status = sp_element_set_bool(certificates, "useActiveDirectoryMapping", true);
    if (!status)
        status = sp_manager_commit(manager);

    int code = status ? fail(sp_manager_error(manager)) : 0;
    sp_manager_free(manager);
    return code;
}
