@REM The element ftpServer of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer[@allowUTF8='false'][@serverAutoStart='true']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.allowUTF8:"False" /[name='ftp.depot.example'].ftpServer.serverAutoStart:"True" /commit:apphost
