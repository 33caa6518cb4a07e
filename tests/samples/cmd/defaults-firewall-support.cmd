@REM The element firewallSupport for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/firewallSupport[@externalIp4Address='192.0.2.77']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.firewallSupport.externalIp4Address:"192.0.2.77" /commit:apphost
