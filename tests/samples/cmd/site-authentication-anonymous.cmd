@REM The element security/authentication/anonymousAuthentication of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/anonymousAuthentication[@enabled='false'][@userName='IUSR'][@defaultLogonDomain='NT AUTHORITY'][@logonMethod='ClearText']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.anonymousAuthentication.enabled:False" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.anonymousAuthentication.userName:IUSR" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.anonymousAuthentication.defaultLogonDomain:NT AUTHORITY" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.anonymousAuthentication.logonMethod:ClearText" /commit:apphost

