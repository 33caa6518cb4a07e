@REM The element security/authentication/anonymousAuthentication of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/authentication/anonymousAuthentication[@enabled='false'][@userName='IUSR'][@defaultLogonDomain='NT AUTHORITY'][@logonMethod='ClearText']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.anonymousAuthentication.enabled:"False" /[name='ftp.depot.example'].ftpServer.security.authentication.anonymousAuthentication.userName:"IUSR" /[name='ftp.depot.example'].ftpServer.security.authentication.anonymousAuthentication.defaultLogonDomain:"NT AUTHORITY" /[name='ftp.depot.example'].ftpServer.security.authentication.anonymousAuthentication.logonMethod:"ClearText" /commit:apphost
