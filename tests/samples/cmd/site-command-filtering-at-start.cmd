@REM A command put in front of the others, one taken away again.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/commandFiltering/add[@command='STAT'][@allowed='false']
@REM then: not sites/site[@name='Depot FTP']/ftpServer/security/commandFiltering/add[@command='SYST']

appcmd.exe set config -section:system.applicationHost/sites /+"[name='Depot FTP'].ftpServer.security.commandFiltering.[command='SYST',allowed='False']" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /+"[name='Depot FTP'].ftpServer.security.commandFiltering.[@start,command='STAT',allowed='False']" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /-"[name='Depot FTP'].ftpServer.security.commandFiltering.[command='SYST']" /commit:apphost
