@REM The element security/authentication/basicAuthentication by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/basicAuthentication[@enabled='true'][@defaultLogonDomain='DEPOT'][@logonMethod='Network']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.authentication.basicAuthentication.enabled:"True" /ftpServer.security.authentication.basicAuthentication.defaultLogonDomain:"DEPOT" /ftpServer.security.authentication.basicAuthentication.logonMethod:"Network"
