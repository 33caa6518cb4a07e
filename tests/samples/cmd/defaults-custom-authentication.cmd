@REM IIS Manager users may log in everywhere.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/authentication/customAuthentication/providers/add[@name='IisManagerAuth']

appcmd.exe set config -section:system.applicationHost/sites /+"siteDefaults.ftpServer.security.authentication.customAuthentication.providers.[name='IisManagerAuth',enabled='True']" /commit:apphost
