@REM The element ftpServer by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer[@allowUTF8='false'][@serverAutoStart='true']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.allowUTF8:"False" /ftpServer.serverAutoStart:"True"
