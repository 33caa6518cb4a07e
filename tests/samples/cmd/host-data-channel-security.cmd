@REM The element security/dataChannelSecurity of a site named like its host, all settings in one line.
@REM given: ftp.depot.example
@REM then: sites/site[@name='ftp.depot.example']/ftpServer/security/dataChannelSecurity[@matchClientAddressForPort='false'][@matchClientAddressForPasv='true']

appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.dataChannelSecurity.matchClientAddressForPort:"False" /[name='ftp.depot.example'].ftpServer.security.dataChannelSecurity.matchClientAddressForPasv:"True" /commit:apphost
