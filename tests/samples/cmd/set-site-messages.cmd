@REM The element messages by the verb set site.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/messages[@exitMessage='Until next time.'][@greetingMessage='This depot is watched.'][@bannerMessage='Depot of the example company'][@maxClientsMessage='All places are taken.'][@suppressDefaultBanner='true'][@allowLocalDetailedErrors='false'][@expandVariables='true']

%windir%\system32\inetsrv\appcmd.exe set site "Depot FTP" /ftpServer.messages.exitMessage:"Until next time." /ftpServer.messages.greetingMessage:"This depot is watched." /ftpServer.messages.bannerMessage:"Depot of the example company" /ftpServer.messages.maxClientsMessage:"All places are taken." /ftpServer.messages.suppressDefaultBanner:"True" /ftpServer.messages.allowLocalDetailedErrors:"False" /ftpServer.messages.expandVariables:"True"
