@REM How much and how long a request may be.
@REM then: top requestFiltering[@allowHighBitCharacters='false']
@REM then: top requestFiltering/requestLimits[@maxAllowedContentLength='1000000000'][@maxUrl='1024']

appcmd.exe set config -section:system.ftpServer/security/requestFiltering /requestLimits.maxAllowedContentLength:"1000000000" /requestLimits.maxUrl:"1024" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/requestFiltering /allowHighBitCharacters:"False" /commit:apphost
