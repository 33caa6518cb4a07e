@REM Texts that no path may hold.
@REM given: Depot FTP
@REM then: location[@path='Depot FTP/in']//requestFiltering/denyUrlSequences/add[@sequence='..']
@REM then: location[@path='Depot FTP/in']//requestFiltering/denyUrlSequences/add[@sequence=':']

appcmd.exe set config "Depot FTP/in" -section:system.ftpServer/security/requestFiltering /+"denyUrlSequences.[sequence='..']" /commit:apphost
appcmd.exe set config "Depot FTP/in" -section:system.ftpServer/security/requestFiltering /+"denyUrlSequences.[sequence=':']" /commit:apphost
