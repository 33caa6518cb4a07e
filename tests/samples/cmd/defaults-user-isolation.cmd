@REM The element userIsolation for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/userIsolation[@mode='StartInUsersDirectory']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.userIsolation.mode:"StartInUsersDirectory" /commit:apphost
