@REM Addresses that fail too often are locked out.
@REM then: authentication/denyByFailure[@enabled='true'][@maxFailure='6'][@entryExpiration='00:01:00']

appcmd.exe set config -section:system.ftpServer/security/authentication /denyByFailure.enabled:"True" /denyByFailure.maxFailure:"6" /denyByFailure.entryExpiration:"00:01:00" /denyByFailure.loggingOnlyMode:"False" /commit:apphost
