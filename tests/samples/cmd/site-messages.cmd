@REM The element messages of one site, a line for each setting, only the value quoted.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/messages[@exitMessage='Until next time.'][@greetingMessage='This depot is watched.'][@bannerMessage='Depot of the example company'][@maxClientsMessage='All places are taken.'][@suppressDefaultBanner='true'][@allowLocalDetailedErrors='false'][@expandVariables='true']

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.messages.exitMessage:Until next time." /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.messages.greetingMessage:This depot is watched." /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.messages.bannerMessage:Depot of the example company" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.messages.maxClientsMessage:All places are taken." /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.messages.suppressDefaultBanner:True" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.messages.allowLocalDetailedErrors:False" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.messages.expandVariables:True" /commit:apphost

