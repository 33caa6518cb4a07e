@REM One log for all sites.
@REM then: log[@centralLogFileMode='Central'][@logInUTF8='false']
@REM then: log/centralLogFile[@enabled='true'][@period='Daily'][@selectiveLogging='LogError'][@truncateSize='4194304']

appcmd.exe set config -section:system.ftpServer/log /centralLogFileMode:"Central" /commit:apphost
appcmd.exe set config -section:system.ftpServer/log /logInUTF8:"False" /commit:apphost
appcmd.exe set config -section:system.ftpServer/log /centralLogFile.enabled:"True" /centralLogFile.directory:"C:\logs\ftp" /centralLogFile.period:"Daily" /commit:apphost
appcmd.exe set config -section:system.ftpServer/log /centralLogFile.logExtFileFlags:"Date, Time, ClientIP, Method, UriStem, FtpStatus" /centralLogFile.localTimeRollover:"True" /centralLogFile.truncateSize:"4194304" /centralLogFile.selectiveLogging:"LogError" /commit:apphost
