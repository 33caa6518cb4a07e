@REM A provider for all sites.
@REM given: Depot FTP
@REM then: sites/siteDefaults/ftpServer/customFeatures/providers/add[@name='DepotAudit'][@enabled='true']

appcmd.exe set config -section:system.applicationHost/sites /+"siteDefaults.ftpServer.customFeatures.providers.[name='DepotAudit',enabled='True']" /commit:apphost
