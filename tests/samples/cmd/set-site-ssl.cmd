@REM The element security/ssl by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/ssl[@serverCertHash='57686f6120447564652c2049495320526f636b73'][@serverCertStoreName='MY'][@ssl128='true'][@controlChannelPolicy='SslRequireCredentialsOnly'][@dataChannelPolicy='SslAllow']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.security.ssl.serverCertHash:"57686f6120447564652c2049495320526f636b73" /ftpServer.security.ssl.serverCertStoreName:"MY" /ftpServer.security.ssl.ssl128:"True" /ftpServer.security.ssl.controlChannelPolicy:"SslRequireCredentialsOnly" /ftpServer.security.ssl.dataChannelPolicy:"SslAllow"
