@REM The element security/ssl for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/ssl[@serverCertHash='57686f6120447564652c2049495320526f636b73'][@serverCertStoreName='MY'][@ssl128='true'][@controlChannelPolicy='SslRequireCredentialsOnly'][@dataChannelPolicy='SslAllow']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.ssl.serverCertHash:"57686f6120447564652c2049495320526f636b73" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.ssl.serverCertStoreName:"MY" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.ssl.ssl128:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.ssl.controlChannelPolicy:"SslRequireCredentialsOnly" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.ssl.dataChannelPolicy:"SslAllow" /commit:apphost
