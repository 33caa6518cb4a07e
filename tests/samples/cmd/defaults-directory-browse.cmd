@REM The element directoryBrowse for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/directoryBrowse[@showFlags='LongDate, StyleUnix, DisplayAvailableBytes, DisplayVirtualDirectories'][@virtualDirectoryTimeout='10']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.directoryBrowse.showFlags:"StyleUnix, LongDate, DisplayAvailableBytes, DisplayVirtualDirectories" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.directoryBrowse.virtualDirectoryTimeout:"10" /commit:apphost
