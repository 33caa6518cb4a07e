@REM The element userIsolation/activeDirectory by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/userIsolation/activeDirectory[@adUserName='DEPOT\reader'][@adPassword][@adCacheRefresh='00:05:00']
@REM then: not activeDirectory[@adPassword='P@ssw0rd']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.userIsolation.activeDirectory.adUserName:"DEPOT\reader" /ftpServer.userIsolation.activeDirectory.adPassword:"P@ssw0rd" /ftpServer.userIsolation.activeDirectory.adCacheRefresh:"00:05:00"
