@REM The element directoryBrowse by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/directoryBrowse[@showFlags='LongDate, StyleUnix, DisplayAvailableBytes, DisplayVirtualDirectories'][@virtualDirectoryTimeout='10']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.directoryBrowse.showFlags:"StyleUnix, LongDate, DisplayAvailableBytes, DisplayVirtualDirectories" /ftpServer.directoryBrowse.virtualDirectoryTimeout:"10"
