@REM The element messages for all sites that say nothing themselves.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/messages[@exitMessage='Until next time.'][@greetingMessage='This depot is watched.'][@bannerMessage='Depot of the example company'][@maxClientsMessage='All places are taken.'][@suppressDefaultBanner='true'][@allowLocalDetailedErrors='false'][@expandVariables='true']

appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.messages.exitMessage:"Until next time." /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.messages.greetingMessage:"This depot is watched." /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.messages.bannerMessage:"Depot of the example company" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.messages.maxClientsMessage:"All places are taken." /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.messages.suppressDefaultBanner:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.messages.allowLocalDetailedErrors:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /siteDefaults.ftpServer.messages.expandVariables:"True" /commit:apphost
