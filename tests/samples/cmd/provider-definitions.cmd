@REM Providers by type and by class id, with data for one.
@REM then: providerDefinitions/add[@name='DepotUsers']
@REM then: providerDefinitions/add[@name='DepotNative']
@REM then: providerDefinitions/activation/providerData[@name='DepotUsers']/add[@key='connectionString'][@value='Server=localhost;Database=Depot;User ID=reader;Password=P@ssw0rd']
@REM then: providerDefinitions/activation/providerData[@name='DepotUsers']/add[@key='limit'][@value='5']

appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"[name='DepotUsers',type='Depot.Users, Depot, version=1.0.0.0, Culture=neutral, PublicKeyToken=0123456789abcdef']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"[name='DepotNative',clsid='{3A5C9D1E-0000-4000-8000-123456789ABC}']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"activation.[name='DepotUsers']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"activation.[name='DepotUsers'].[key='connectionString',value='Server=localhost;Database=Depot;User ID=reader;Password=P@ssw0rd']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"activation.[name='DepotUsers'].[key='limit',value='5']" /commit:apphost
