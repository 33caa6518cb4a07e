@REM The element security/customAuthorization/provider of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/customAuthorization/provider[@name='DepotRules'][@enabled='true']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.customAuthorization.provider.name:DepotRules" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.customAuthorization.provider.enabled:True" /commit:apphost

