@REM The element fileHandling of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/fileHandling[@keepPartialUploads='true'][@allowReplaceOnRename='true'][@allowReadUploadsInProgress='false']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.fileHandling.keepPartialUploads:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.fileHandling.allowReplaceOnRename:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.fileHandling.allowReadUploadsInProgress:False" /commit:apphost

