@REM The element security/authentication/clientCertAuthentication by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/clientCertAuthentication[@enabled='true']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.authentication.clientCertAuthentication.enabled:"True"
