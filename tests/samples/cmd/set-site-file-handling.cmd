@REM The element fileHandling by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/fileHandling[@keepPartialUploads='true'][@allowReplaceOnRename='true'][@allowReadUploadsInProgress='false']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.fileHandling.keepPartialUploads:"True" /ftpServer.fileHandling.allowReplaceOnRename:"True" /ftpServer.fileHandling.allowReadUploadsInProgress:"False"
