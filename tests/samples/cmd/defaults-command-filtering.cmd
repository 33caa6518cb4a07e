@REM Commands that all sites refuse.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/security/commandFiltering/add[@command='SYST'][@allowed='false']

appcmd.exe set config -section:system.applicationHost/sites /+"siteDefaults.ftpServer.security.commandFiltering.[command='SYST',allowed='False']" /commit:apphost
