@REM A logging provider is registered and switched on for one site, home folders come from it.
@REM given: Depot FTP
@REM then: providerDefinitions/add[@name='DepotAudit'][@type='DepotAudit,DepotAudit,version=1.0.0.0,Culture=neutral,PublicKeyToken=0123456789abcdef']
@REM then: sites/site[@name='Depot FTP']/ftpServer/customFeatures/providers/add[@name='DepotAudit'][@enabled='true']
@REM then: sites/site[@name='Depot FTP']/ftpServer/userIsolation[@mode='Custom']

cd %SystemRoot%\System32\Inetsrv

appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"[name='DepotAudit',type='DepotAudit,DepotAudit,version=1.0.0.0,Culture=neutral,PublicKeyToken=0123456789abcdef']" /commit:apphost

AppCmd.exe set site "Depot FTP" /+ftpServer.customFeatures.providers.[name='DepotAudit',enabled='true']

AppCmd.exe set site "Depot FTP" /ftpServer.userIsolation.mode:Custom
