@REM The element directoryBrowse of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/directoryBrowse[@showFlags='LongDate, StyleUnix, DisplayAvailableBytes, DisplayVirtualDirectories'][@virtualDirectoryTimeout='10']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.directoryBrowse.showFlags:StyleUnix, LongDate, DisplayAvailableBytes, DisplayVirtualDirectories" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.directoryBrowse.virtualDirectoryTimeout:10" /commit:apphost

