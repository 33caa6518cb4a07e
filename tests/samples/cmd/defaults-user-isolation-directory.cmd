@REM The element userIsolation/activeDirectory for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/userIsolation/activeDirectory[@adUserName='DEPOT\reader'][@adPassword][@adCacheRefresh='00:05:00']
@REM then: not activeDirectory[@adPassword='P@ssw0rd']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.userIsolation.activeDirectory.adUserName:"DEPOT\reader" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.userIsolation.activeDirectory.adPassword:"P@ssw0rd" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.userIsolation.activeDirectory.adCacheRefresh:"00:05:00" /commit:apphost
