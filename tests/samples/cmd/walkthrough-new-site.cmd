@REM A site from nothing: bindings, folder, no certificate yet, Basic, a rule.
@REM then: sites/site[@name='Depot FTP'][@id='77']/bindings/binding[@protocol='ftp'][@bindingInformation='*:21:']
@REM then: sites/site[@name='Depot FTP']/application[@path='/']/virtualDirectory[@path='/'][@physicalPath='C:\inetpub\ftproot']
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/ssl[@controlChannelPolicy='SslAllow']
@REM then: location[@path='Depot FTP']//authorization/add[@users='administrator'][@permissions='Read, Write']

set SITE="Depot FTP"
set APPCMD=%windir%\system32\inetsrv\appcmd.exe

%APPCMD% add site /name:%SITE% /id:77 /bindings:ftp/*:21: /physicalPath:"%SystemDrive%\inetpub\ftproot"
%APPCMD% set site %SITE% /ftpServer.security.ssl.controlChannelPolicy:SslAllow /ftpServer.security.ssl.dataChannelPolicy:SslAllow
%APPCMD% set site %SITE% /ftpServer.security.authentication.basicAuthentication.enabled:true
%APPCMD% set config %SITE% /section:system.ftpServer/security/authorization /+[accessType='Allow',users='administrator',permissions='Read,Write'] /commit:apphost
