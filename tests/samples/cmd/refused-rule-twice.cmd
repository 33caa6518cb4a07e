@REM Allow and Deny for the same users, groups and permissions are one key.
@REM given: Depot FTP
@REM refused: ERROR ( message:New add object missing required attributes. Cannot add duplicate collection entry of type 'add' with combined key attributes 'users, roles, permissions' respectively set to '*, , Read'

appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/authorization /+"[accessType='Allow',users='*',permissions='Read']" /commit:apphost
appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/authorization /+"[accessType='Deny',users='*',permissions='Read']" /commit:apphost
