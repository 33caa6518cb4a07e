@REM The element security/commandFiltering of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/commandFiltering[@maxCommandLine='1024'][@allowUnlisted='true']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.commandFiltering.maxCommandLine:1024" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.commandFiltering.allowUnlisted:True" /commit:apphost

