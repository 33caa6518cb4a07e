@REM The element logFile for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/logFile[@logExtFileFlags='Date, Time, ClientIP, UserName, SiteName, ComputerName, ServerIP, Method, UriStem, FtpStatus, Win32Status, ServerPort, FtpSubStatus'][@directory='C:\inetpub\ftplogs'][@period='Weekly'][@truncateSize='2097152'][@localTimeRollover='true'][@enabled='true'][@selectiveLogging='LogSuccessful, LogError']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.logFile.logExtFileFlags:"Date, Time, ClientIP, UserName, SiteName, ComputerName, ServerIP, Method, UriStem, FtpStatus, Win32Status, ServerPort, FtpSubStatus" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.logFile.directory:"C:\inetpub\ftplogs" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.logFile.period:"Weekly" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.logFile.truncateSize:"2097152" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.logFile.localTimeRollover:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.logFile.enabled:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.logFile.selectiveLogging:"LogSuccessful, LogError" /commit:apphost
