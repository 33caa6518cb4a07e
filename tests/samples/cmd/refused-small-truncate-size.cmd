@REM Logs are cut at a megabyte at least.
@REM given: Depot FTP
@REM refused: ERROR ( hresult:8007000d, message:Command execution failed.

appcmd.exe set site "Depot FTP" /ftpServer.logFile.truncateSize:1000
