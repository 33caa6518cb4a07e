@REM The same by the verb set site, without quotes around the path.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/customAuthentication/providers/add[@name='AspNetAuth']
@REM then: not sites/site[@name='Depot FTP']/ftpServer/security/authentication/customAuthentication/providers/add[@name='IisManagerAuth']

appcmd.exe set site "Depot FTP" /+ftpServer.security.authentication.customAuthentication.providers.[name='IisManagerAuth',enabled='True']

appcmd.exe set site "Depot FTP" /-ftpServer.security.authentication.customAuthentication.providers.[name='IisManagerAuth']
appcmd.exe set site "Depot FTP" /+ftpServer.security.authentication.customAuthentication.providers.[name='AspNetAuth',enabled='True']
