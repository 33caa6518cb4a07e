@REM The element userIsolation of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/userIsolation[@mode='StartInUsersDirectory']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.userIsolation.mode:"StartInUsersDirectory" /commit:apphost
