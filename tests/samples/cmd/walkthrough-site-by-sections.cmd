@REM A site made piece by piece in the sites section, found by name and by name and id; settings with quotes inside of quotes.
@REM then: sites/site[@name='ftp.depot.example'][@id='5'][@serverAutoStart='true']/bindings/binding[@bindingInformation='*:21:']
@REM then: sites/site[@id='5']/application[@path='/'][@applicationPool='Depot']/virtualDirectory[@path='/'][@physicalPath='C:\depot\www']
@REM then: sites/site[@id='5']/ftpServer/security/ssl[@serverCertHash='57686f6120447564652c2049495320526f636b73'][@controlChannelPolicy='SslRequire']
@REM then: sites/applicationDefaults[@applicationPool='Depot']
@REM then: sites/virtualDirectoryDefaults[@allowSubDirConfig='true']
@REM then: sites/siteDefaults/bindings/binding[@bindingInformation='*:2121:depot.example']

appcmd.exe set config -section:system.applicationHost/sites /+"[name='ftp.depot.example',id='5',serverAutoStart='True']" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /+"[name='ftp.depot.example',id='5'].bindings.[protocol='ftp',bindingInformation='*:21:']" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /+"[name='ftp.depot.example',id='5'].[path='/']" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /+"[name='ftp.depot.example',id='5'].[path='/'].[path='/',physicalPath='C:\depot\www']" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites "/[name='ftp.depot.example'].[path='/'].applicationPool:Depot" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /"[name='ftp.depot.example',id='5'].ftpServer.security.ssl.serverCertHash:"57686f6120447564652c2049495320526f636b73"" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example',id='5'].ftpServer.security.ssl.controlChannelPolicy:"SslRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /applicationDefaults.applicationPool:"Depot" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /virtualDirectoryDefaults.allowSubDirConfig:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /+"siteDefaults.bindings.[protocol='ftp',bindingInformation='*:2121:depot.example']" /commit:apphost
