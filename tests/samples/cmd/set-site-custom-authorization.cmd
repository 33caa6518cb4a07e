@REM The element security/customAuthorization/provider by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/customAuthorization/provider[@name='DepotRules'][@enabled='true']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.customAuthorization.provider.name:"DepotRules" /ftpServer.security.customAuthorization.provider.enabled:"True"
