@REM The element security/authentication/anonymousAuthentication by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/anonymousAuthentication[@enabled='false'][@userName='IUSR'][@defaultLogonDomain='NT AUTHORITY'][@logonMethod='ClearText']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.authentication.anonymousAuthentication.enabled:"False" /ftpServer.security.authentication.anonymousAuthentication.userName:"IUSR" /ftpServer.security.authentication.anonymousAuthentication.defaultLogonDomain:"NT AUTHORITY" /ftpServer.security.authentication.anonymousAuthentication.logonMethod:"ClearText"
