@REM The element fileHandling of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/fileHandling[@keepPartialUploads='true'][@allowReplaceOnRename='true'][@allowReadUploadsInProgress='false']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.fileHandling.keepPartialUploads:"True" /[name='ftp.depot.example'].ftpServer.fileHandling.allowReplaceOnRename:"True" /[name='ftp.depot.example'].ftpServer.fileHandling.allowReadUploadsInProgress:"False" /commit:apphost
