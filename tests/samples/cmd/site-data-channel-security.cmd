@REM The element security/dataChannelSecurity of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/dataChannelSecurity[@matchClientAddressForPort='false'][@matchClientAddressForPasv='true']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.dataChannelSecurity.matchClientAddressForPort:False" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.dataChannelSecurity.matchClientAddressForPasv:True" /commit:apphost

