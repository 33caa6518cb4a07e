@REM Neither guests nor passwords, only certificates that map to directory accounts.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/sslClientCertificates[@clientCertificatePolicy='CertRequire'][@useActiveDirectoryMapping='true'][@validationFlags='NoRevocationCheck']
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/authentication/clientCertAuthentication[@enabled='true']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.serverCertHash:"57686f6120447564652c2049495320526f636b73" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.controlChannelPolicy:"SslRequire" /[name='ftp.depot.example'].ftpServer.security.ssl.dataChannelPolicy:"SslRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.clientCertificatePolicy:"CertRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.useActiveDirectoryMapping:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.validationFlags:"NoRevocationCheck" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.anonymousAuthentication.enabled:"False" /[name='ftp.depot.example'].ftpServer.security.authentication.basicAuthentication.enabled:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.clientCertAuthentication.enabled:"True" /commit:apphost
