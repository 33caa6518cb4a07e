@REM The element directoryBrowse of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/directoryBrowse[@showFlags='LongDate, StyleUnix, DisplayAvailableBytes, DisplayVirtualDirectories'][@virtualDirectoryTimeout='10']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.directoryBrowse.showFlags:"StyleUnix, LongDate, DisplayAvailableBytes, DisplayVirtualDirectories" /[name='ftp.depot.example'].ftpServer.directoryBrowse.virtualDirectoryTimeout:"10" /commit:apphost
