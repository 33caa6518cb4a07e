@REM The element security/sslClientCertificates by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/sslClientCertificates[@clientCertificatePolicy='CertRequire'][@useActiveDirectoryMapping='true'][@validationFlags='NoRevocationCheck, CertNoUsageCheck'][@revocationFreshnessTime='00:10:00'][@revocationUrlRetrievalTimeout='00:00:30']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.sslClientCertificates.clientCertificatePolicy:"CertRequire" /ftpServer.security.sslClientCertificates.useActiveDirectoryMapping:"True" /ftpServer.security.sslClientCertificates.validationFlags:"NoRevocationCheck, CertNoUsageCheck" /ftpServer.security.sslClientCertificates.revocationFreshnessTime:"00:10:00" /ftpServer.security.sslClientCertificates.revocationUrlRetrievalTimeout:"00:00:30"
