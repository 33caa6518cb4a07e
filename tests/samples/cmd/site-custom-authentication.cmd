@REM IIS Manager users may log in to one site; others may not.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/customAuthentication/providers/add[@name='IisManagerAuth'][@enabled='true']
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/basicAuthentication[@enabled='false']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.anonymousAuthentication.enabled:False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.basicAuthentication.enabled:False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /+"[name='Depot FTP'].ftpServer.security.authentication.customAuthentication.providers.[name='IisManagerAuth',enabled='true']" /commit:apphost
