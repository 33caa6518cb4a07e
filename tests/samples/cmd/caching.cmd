@REM How long verdicts about passwords are kept.
@REM then: caching/credentialsCache[@enabled='true'][@flushInterval='600']

appcmd.exe set config -section:system.ftpServer/caching /credentialsCache.enabled:"True" /credentialsCache.flushInterval:"600" /commit:apphost
