@REM The element connections for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/connections[@unauthenticatedTimeout='60'][@controlChannelTimeout='120'][@dataChannelTimeout='30'][@disableSocketPooling='true'][@serverListenBacklog='60'][@minBytesPerSecond='240'][@maxConnections='100'][@resetOnMaxConnections='true']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.unauthenticatedTimeout:"60" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.controlChannelTimeout:"120" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.dataChannelTimeout:"30" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.disableSocketPooling:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.serverListenBacklog:"60" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.minBytesPerSecond:"240" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.maxConnections:"100" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.connections.resetOnMaxConnections:"True" /commit:apphost
