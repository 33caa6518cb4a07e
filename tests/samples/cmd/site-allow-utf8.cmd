@REM The element ftpServer of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer[@allowUTF8='false'][@serverAutoStart='true']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.allowUTF8:False" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.serverAutoStart:True" /commit:apphost

