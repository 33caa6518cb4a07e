@REM The element security/dataChannelSecurity for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/dataChannelSecurity[@matchClientAddressForPort='false'][@matchClientAddressForPasv='true']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.dataChannelSecurity.matchClientAddressForPort:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.security.dataChannelSecurity.matchClientAddressForPasv:"True" /commit:apphost
