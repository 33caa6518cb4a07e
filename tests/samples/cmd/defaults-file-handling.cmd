@REM The element fileHandling for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/fileHandling[@keepPartialUploads='true'][@allowReplaceOnRename='true'][@allowReadUploadsInProgress='false']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.fileHandling.keepPartialUploads:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.fileHandling.allowReplaceOnRename:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.fileHandling.allowReadUploadsInProgress:"False" /commit:apphost
