@REM The element security/customAuthorization/provider of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/customAuthorization/provider[@name='DepotRules'][@enabled='true']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.customAuthorization.provider.name:"DepotRules" /[name='ftp.depot.example'].ftpServer.security.customAuthorization.provider.enabled:"True" /commit:apphost
