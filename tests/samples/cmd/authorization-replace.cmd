@REM The rules of a site are emptied, then one is made and taken back.
@REM given: Depot FTP
@REM then: location[@path='Depot FTP']//authorization/add[@users='anna']
@REM then: not location[@path='Depot FTP']//authorization/add[@users='*']
@REM then: not location[@path='Depot FTP']//authorization/add[@users='bert']

appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/authorization /+"[accessType='Allow',users='*',permissions='Read']" /commit:apphost
appcmd.exe clear config "Depot FTP" -section:system.ftpServer/security/authorization /commit:apphost
appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/authorization /+"[accessType='Allow',users='anna',permissions='Read, Write']" /commit:apphost
appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/authorization /+"[accessType='Allow',users='bert',permissions='Read']" /commit:apphost
appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/authorization /-"[users='bert',roles='',permissions='Read']" /commit:apphost
