@REM A folder that nobody sees.
@REM then: top requestFiltering/hiddenSegments/add[@segment='private']

appcmd.exe set config -section:system.ftpServer/security/requestFiltering /+"hiddenSegments.[segment='private']" /commit:apphost
