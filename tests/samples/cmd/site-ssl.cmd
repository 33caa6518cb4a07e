@REM The element security/ssl of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/ssl[@serverCertHash='57686f6120447564652c2049495320526f636b73'][@serverCertStoreName='MY'][@ssl128='true'][@controlChannelPolicy='SslRequireCredentialsOnly'][@dataChannelPolicy='SslAllow']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.ssl.serverCertHash:57686f6120447564652c2049495320526f636b73" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.ssl.serverCertStoreName:MY" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.ssl.ssl128:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.ssl.controlChannelPolicy:SslRequireCredentialsOnly" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.ssl.dataChannelPolicy:SslAllow" /commit:apphost

