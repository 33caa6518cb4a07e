@REM Commands that one site refuses; the sign before the quotes.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/commandFiltering/add[@command='SYST'][@allowed='false']
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/commandFiltering/add[@command='STAT'][@allowed='false']

appcmd.exe set config -section:system.applicationHost/sites /+"[name='Depot FTP'].ftpServer.security.commandFiltering.[command='SYST',allowed='False']" /commit:apphost

appcmd.exe set config -section:system.applicationHost/sites "/+[name='Depot FTP'].ftpServer.security.commandFiltering.[command='STAT',allowed='False']" /commit:apphost
