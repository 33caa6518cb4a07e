@REM The element userIsolation of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/userIsolation[@mode='StartInUsersDirectory']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.userIsolation.mode:StartInUsersDirectory" /commit:apphost

