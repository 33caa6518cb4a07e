@REM Texts that no path may hold.
@REM then: top requestFiltering/denyUrlSequences/add[@sequence='..']
@REM then: top requestFiltering/denyUrlSequences/add[@sequence=':']

appcmd.exe set config -section:system.ftpServer/security/requestFiltering /+"denyUrlSequences.[sequence='..']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/requestFiltering /+"denyUrlSequences.[sequence=':']" /commit:apphost
