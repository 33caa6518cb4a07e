@REM The element security/authentication/clientCertAuthentication of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/authentication/clientCertAuthentication[@enabled='true']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.clientCertAuthentication.enabled:"True" /commit:apphost
