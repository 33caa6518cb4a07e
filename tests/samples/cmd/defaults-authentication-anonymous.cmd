@REM The element security/authentication/anonymousAuthentication for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/authentication/anonymousAuthentication[@enabled='false'][@userName='IUSR'][@defaultLogonDomain='NT AUTHORITY'][@logonMethod='ClearText']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.authentication.anonymousAuthentication.enabled:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.authentication.anonymousAuthentication.userName:"IUSR" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.authentication.anonymousAuthentication.defaultLogonDomain:"NT AUTHORITY" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.authentication.anonymousAuthentication.logonMethod:"ClearText" /commit:apphost
