@REM The element security/commandFiltering by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/commandFiltering[@maxCommandLine='1024'][@allowUnlisted='true']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.commandFiltering.maxCommandLine:"1024" /ftpServer.security.commandFiltering.allowUnlisted:"True"
