@REM A published line protects the blanks of a name with single quotes only.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/messages[@bannerMessage='Depot']

appcmd.exe set config -section:system.applicationHost/sites /[name='Depot FTP'].ftpServer.messages.bannerMessage:"Depot" /commit:apphost
