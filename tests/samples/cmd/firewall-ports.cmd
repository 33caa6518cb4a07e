@REM The ports of passive connections.
@REM then: firewallSupport[@lowDataChannelPort='50000'][@highDataChannelPort='50099']

appcmd.exe set config -section:system.ftpServer/firewallSupport /lowDataChannelPort:"50000" /highDataChannelPort:"50099" /commit:apphost
