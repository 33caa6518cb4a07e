@REM Ports for passive transfers, an address for outside, and what opens the firewall of Windows.
@REM given: Depot FTP
@REM then: firewallSupport[@lowDataChannelPort='50000'][@highDataChannelPort='50100']
@REM then: sites/site[@name='Depot FTP']/ftpServer/firewallSupport[@externalIp4Address='192.0.2.1']

netsh advfirewall firewall add rule name="FTP (non-SSL)" action=allow protocol=TCP dir=in localport=21
netsh advfirewall firewall add rule name="FTP passive" service=ftpsvc action=allow protocol=TCP dir=in
netsh advfirewall set global StatefulFtp disable

appcmd.exe set config -section:system.ftpServer/firewallSupport /lowDataChannelPort:"50000" /highDataChannelPort:"50100" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.firewallSupport.externalIp4Address:192.0.2.1" /commit:apphost

net stop ftpsvc & net start ftpsvc
