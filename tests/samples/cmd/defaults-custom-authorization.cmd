@REM The element security/customAuthorization/provider for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/customAuthorization/provider[@name='DepotRules'][@enabled='true']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.customAuthorization.provider.name:"DepotRules" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.customAuthorization.provider.enabled:"True" /commit:apphost
