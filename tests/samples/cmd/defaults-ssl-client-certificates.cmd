@REM The element security/sslClientCertificates for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/sslClientCertificates[@clientCertificatePolicy='CertRequire'][@useActiveDirectoryMapping='true'][@validationFlags='NoRevocationCheck, CertNoUsageCheck'][@revocationFreshnessTime='00:10:00'][@revocationUrlRetrievalTimeout='00:00:30']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.sslClientCertificates.clientCertificatePolicy:"CertRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.sslClientCertificates.useActiveDirectoryMapping:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.sslClientCertificates.validationFlags:"NoRevocationCheck, CertNoUsageCheck" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.sslClientCertificates.revocationFreshnessTime:"00:10:00" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.sslClientCertificates.revocationUrlRetrievalTimeout:"00:00:30" /commit:apphost
