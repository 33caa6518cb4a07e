@REM The element security/dataChannelSecurity by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/dataChannelSecurity[@matchClientAddressForPort='false'][@matchClientAddressForPasv='true']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.dataChannelSecurity.matchClientAddressForPort:"False" /ftpServer.security.dataChannelSecurity.matchClientAddressForPasv:"True"
