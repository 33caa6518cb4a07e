@REM The element logFile of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/logFile[@logExtFileFlags='Date, Time, ClientIP, UserName, SiteName, ComputerName, ServerIP, Method, UriStem, FtpStatus, Win32Status, ServerPort, FtpSubStatus'][@directory='C:\inetpub\ftplogs'][@period='Weekly'][@truncateSize='2097152'][@localTimeRollover='true'][@enabled='true'][@selectiveLogging='LogSuccessful, LogError']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.logFile.logExtFileFlags:Date, Time, ClientIP, UserName, SiteName, ComputerName, ServerIP, Method, UriStem, FtpStatus, Win32Status, ServerPort, FtpSubStatus" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.logFile.directory:C:\inetpub\ftplogs" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.logFile.period:Weekly" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.logFile.truncateSize:2097152" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.logFile.localTimeRollover:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.logFile.enabled:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.logFile.selectiveLogging:LogSuccessful, LogError" /commit:apphost

