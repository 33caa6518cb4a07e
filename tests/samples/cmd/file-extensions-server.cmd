@REM Programs may not be exchanged.
@REM then: top requestFiltering/fileExtensions[@allowUnlisted='true']
@REM then: top requestFiltering/fileExtensions/add[@fileExtension='.bat'][@allowed='false']
@REM then: top requestFiltering/fileExtensions/add[@fileExtension='txt'][@allowed='true']

appcmd.exe set config -section:system.ftpServer/security/requestFiltering /fileExtensions.allowUnlisted:"True" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/requestFiltering /+"fileExtensions.[fileExtension='.exe',allowed='False']" /+"fileExtensions.[fileExtension='.bat',allowed='False']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/requestFiltering /+"fileExtensions.[fileExtension='txt',allowed='True']" /commit:apphost
