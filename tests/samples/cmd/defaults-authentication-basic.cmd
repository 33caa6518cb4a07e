@REM The element security/authentication/basicAuthentication for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/authentication/basicAuthentication[@enabled='true'][@defaultLogonDomain='DEPOT'][@logonMethod='Network']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.authentication.basicAuthentication.enabled:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.authentication.basicAuthentication.defaultLogonDomain:"DEPOT" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.authentication.basicAuthentication.logonMethod:"Network" /commit:apphost
