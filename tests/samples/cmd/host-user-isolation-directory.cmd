@REM The element userIsolation/activeDirectory of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/userIsolation/activeDirectory[@adUserName='DEPOT\reader'][@adPassword][@adCacheRefresh='00:05:00']
@REM then: not activeDirectory[@adPassword='P@ssw0rd']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.userIsolation.activeDirectory.adUserName:"DEPOT\reader" /[name='ftp.depot.example'].ftpServer.userIsolation.activeDirectory.adPassword:"P@ssw0rd" /[name='ftp.depot.example'].ftpServer.userIsolation.activeDirectory.adCacheRefresh:"00:05:00" /commit:apphost
