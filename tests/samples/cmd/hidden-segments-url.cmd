@REM A folder that nobody sees.
@REM given: Depot FTP
@REM then: location[@path='Depot FTP/in']//requestFiltering/hiddenSegments/add[@segment='private']

appcmd.exe set config "Depot FTP/in" -section:system.ftpServer/security/requestFiltering /+"hiddenSegments.[segment='private']" /commit:apphost
