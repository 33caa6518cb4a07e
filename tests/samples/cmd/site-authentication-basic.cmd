@REM The element security/authentication/basicAuthentication of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/basicAuthentication[@enabled='true'][@defaultLogonDomain='DEPOT'][@logonMethod='Network']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.basicAuthentication.enabled:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.basicAuthentication.defaultLogonDomain:DEPOT" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.basicAuthentication.logonMethod:Network" /commit:apphost

