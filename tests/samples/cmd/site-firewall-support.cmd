@REM The element firewallSupport of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/firewallSupport[@externalIp4Address='192.0.2.77']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.firewallSupport.externalIp4Address:192.0.2.77" /commit:apphost

