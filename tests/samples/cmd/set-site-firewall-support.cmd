@REM The element firewallSupport by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/firewallSupport[@externalIp4Address='192.0.2.77']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.firewallSupport.externalIp4Address:"192.0.2.77"
