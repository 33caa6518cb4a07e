@REM The element firewallSupport of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/firewallSupport[@externalIp4Address='192.0.2.77']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.firewallSupport.externalIp4Address:"192.0.2.77" /commit:apphost
