@REM The element userIsolation by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/userIsolation[@mode='StartInUsersDirectory']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.userIsolation.mode:"StartInUsersDirectory"
