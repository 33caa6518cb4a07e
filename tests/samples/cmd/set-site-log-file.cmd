@REM The element logFile by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/logFile[@logExtFileFlags='Date, Time, ClientIP, UserName, SiteName, ComputerName, ServerIP, Method, UriStem, FtpStatus, Win32Status, ServerPort, FtpSubStatus'][@directory='C:\inetpub\ftplogs'][@period='Weekly'][@truncateSize='2097152'][@localTimeRollover='true'][@enabled='true'][@selectiveLogging='LogSuccessful, LogError']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.logFile.logExtFileFlags:"Date, Time, ClientIP, UserName, SiteName, ComputerName, ServerIP, Method, UriStem, FtpStatus, Win32Status, ServerPort, FtpSubStatus" /ftpServer.logFile.directory:"C:\inetpub\ftplogs" /ftpServer.logFile.period:"Weekly" /ftpServer.logFile.truncateSize:"2097152" /ftpServer.logFile.localTimeRollover:"True" /ftpServer.logFile.enabled:"True" /ftpServer.logFile.selectiveLogging:"LogSuccessful, LogError"
