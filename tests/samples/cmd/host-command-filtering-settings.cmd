@REM The element security/commandFiltering of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/commandFiltering[@maxCommandLine='1024'][@allowUnlisted='true']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.commandFiltering.maxCommandLine:"1024" /[name='ftp.depot.example'].ftpServer.security.commandFiltering.allowUnlisted:"True" /commit:apphost
