@REM A folder that nobody sees.
@REM given: Depot FTP
@REM then: location[@path='Depot FTP']//requestFiltering/hiddenSegments/add[@segment='private']

appcmd.exe set config "Depot FTP" -section:system.ftpServer/security/requestFiltering /+"hiddenSegments.[segment='private']" /commit:apphost
