@REM The element connections of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/connections[@unauthenticatedTimeout='60'][@controlChannelTimeout='120'][@dataChannelTimeout='30'][@disableSocketPooling='true'][@serverListenBacklog='60'][@minBytesPerSecond='240'][@maxConnections='100'][@resetOnMaxConnections='true']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.unauthenticatedTimeout:60" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.controlChannelTimeout:120" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.dataChannelTimeout:30" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.disableSocketPooling:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.serverListenBacklog:60" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.minBytesPerSecond:240" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.maxConnections:100" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.connections.resetOnMaxConnections:True" /commit:apphost

