@REM The element ftpServer for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer[@allowUTF8='false'][@serverAutoStart='true']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.allowUTF8:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.serverAutoStart:"True" /commit:apphost
