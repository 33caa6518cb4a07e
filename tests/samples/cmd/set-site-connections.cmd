@REM The element connections by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/connections[@unauthenticatedTimeout='60'][@controlChannelTimeout='120'][@dataChannelTimeout='30'][@disableSocketPooling='true'][@serverListenBacklog='60'][@minBytesPerSecond='240'][@maxConnections='100'][@resetOnMaxConnections='true']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.connections.unauthenticatedTimeout:"60" /ftpServer.connections.controlChannelTimeout:"120" /ftpServer.connections.dataChannelTimeout:"30" /ftpServer.connections.disableSocketPooling:"True" /ftpServer.connections.serverListenBacklog:"60" /ftpServer.connections.minBytesPerSecond:"240" /ftpServer.connections.maxConnections:"100" /ftpServer.connections.resetOnMaxConnections:"True"
