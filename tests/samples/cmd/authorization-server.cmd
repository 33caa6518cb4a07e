@REM A group may read and write, guests may read, one account may do nothing.
@REM then: top authorization/add[1][@accessType='Deny'][@users='mallory']
@REM then: top authorization/add[2][@roles='editors'][@permissions='Read, Write']
@REM then: top authorization/add[3][@users='?'][@permissions='Read']

appcmd.exe set config -section:system.ftpServer/security/authorization /+"[accessType='Allow',roles='editors',permissions='Read, Write']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/authorization /+"[accessType='Allow',users='?',permissions='Read']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/authorization /+"[@start,accessType='Deny',users='mallory',permissions='Read, Write']" /commit:apphost
