@REM The element security/commandFiltering for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/commandFiltering[@maxCommandLine='1024'][@allowUnlisted='true']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.commandFiltering.maxCommandLine:"1024" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.commandFiltering.allowUnlisted:"True" /commit:apphost
