@REM Data for an activation that nobody made.
@REM refused: ERROR ( message:Cannot find requested collection element. )
@REM then: not providerDefinitions/activation/providerData

appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"activation.[name='Nobody'].[key='a',value='b']" /commit:apphost
