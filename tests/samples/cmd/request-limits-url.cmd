@REM How much and how long a request may be.
@REM given: Depot FTP
@REM then: location[@path='Depot FTP/in']//requestFiltering[@allowHighBitCharacters='false']
@REM then: location[@path='Depot FTP/in']//requestFiltering/requestLimits[@maxAllowedContentLength='1000000000'][@maxUrl='1024']

appcmd.exe set config "Depot FTP/in" -section:system.ftpServer/security/requestFiltering /requestLimits.maxAllowedContentLength:"1000000000" /requestLimits.maxUrl:"1024" /commit:apphost
appcmd.exe set config "Depot FTP/in" -section:system.ftpServer/security/requestFiltering /allowHighBitCharacters:"False" /commit:apphost
