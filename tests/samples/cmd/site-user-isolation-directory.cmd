@REM The element userIsolation/activeDirectory of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/userIsolation/activeDirectory[@adUserName='DEPOT\reader'][@adPassword][@adCacheRefresh='00:05:00']
@REM then: not activeDirectory[@adPassword='P@ssw0rd']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.userIsolation.activeDirectory.adUserName:DEPOT\reader" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.userIsolation.activeDirectory.adPassword:P@ssw0rd" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.userIsolation.activeDirectory.adCacheRefresh:00:05:00" /commit:apphost

