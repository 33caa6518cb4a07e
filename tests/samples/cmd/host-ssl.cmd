@REM The element security/ssl of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/ssl[@serverCertHash='57686f6120447564652c2049495320526f636b73'][@serverCertStoreName='MY'][@ssl128='true'][@controlChannelPolicy='SslRequireCredentialsOnly'][@dataChannelPolicy='SslAllow']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.serverCertHash:"57686f6120447564652c2049495320526f636b73" /[name='ftp.depot.example'].ftpServer.security.ssl.serverCertStoreName:"MY" /[name='ftp.depot.example'].ftpServer.security.ssl.ssl128:"True" /[name='ftp.depot.example'].ftpServer.security.ssl.controlChannelPolicy:"SslRequireCredentialsOnly" /[name='ftp.depot.example'].ftpServer.security.ssl.dataChannelPolicy:"SslAllow" /commit:apphost
