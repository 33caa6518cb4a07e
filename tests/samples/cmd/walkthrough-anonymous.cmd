@REM Guests may read, and nothing else.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/anonymousAuthentication[@enabled='true']
@REM then: location[@path='Depot FTP']//authorization/add[@users='?'][@permissions='Read']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.authentication.anonymousAuthentication.enabled:True" /commit:apphost
appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/authorization /+"[accessType='Allow',users='?',roles='',permissions='Read']" /commit:apphost
