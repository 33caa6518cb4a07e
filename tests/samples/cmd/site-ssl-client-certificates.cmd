@REM The element security/sslClientCertificates of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/sslClientCertificates[@clientCertificatePolicy='CertRequire'][@useActiveDirectoryMapping='true'][@validationFlags='NoRevocationCheck, CertNoUsageCheck'][@revocationFreshnessTime='00:10:00'][@revocationUrlRetrievalTimeout='00:00:30']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.sslClientCertificates.clientCertificatePolicy:CertRequire" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.sslClientCertificates.useActiveDirectoryMapping:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.sslClientCertificates.validationFlags:NoRevocationCheck, CertNoUsageCheck" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.sslClientCertificates.revocationFreshnessTime:00:10:00" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.sslClientCertificates.revocationUrlRetrievalTimeout:00:00:30" /commit:apphost

