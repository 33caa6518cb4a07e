@REM The element security/authentication/basicAuthentication of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/authentication/basicAuthentication[@enabled='true'][@defaultLogonDomain='DEPOT'][@logonMethod='Network']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.basicAuthentication.enabled:"True" /[name='ftp.depot.example'].ftpServer.security.authentication.basicAuthentication.defaultLogonDomain:"DEPOT" /[name='ftp.depot.example'].ftpServer.security.authentication.basicAuthentication.logonMethod:"Network" /commit:apphost
