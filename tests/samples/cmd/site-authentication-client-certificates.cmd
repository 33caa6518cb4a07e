@REM The element security/authentication/clientCertAuthentication of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/clientCertAuthentication[@enabled='true']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.clientCertAuthentication.enabled:True" /commit:apphost

