@REM The lines that follow the making of a provider: registered, given its data, used for logins, rules and logs; the service told to begin anew.
@REM given: Depot FTP
@REM then: providerDefinitions/add[@name='DepotXml'][@type='DepotXml.Provider, DepotXml, version=1.0.0.0, Culture=neutral, PublicKeyToken=426f62526f636b73']
@REM then: providerDefinitions/add[@name='DepotNative'][@clsid='{01234567-89AB-CDEF-0123-456789ABCDEF}']
@REM then: providerDefinitions/activation/providerData[@name='DepotXml']/add[@key='file'][@value='C:\depot\users.xml']
@REM then: not providerDefinitions/activation/providerData/add[@key='limit']
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/authentication/customAuthentication/providers/add[@name='DepotXml'][@enabled='true']
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/customAuthorization/provider[@name='DepotXml'][@enabled='true']
@REM then: not sites/site[@name='Depot FTP']/ftpServer/customFeatures/providers/add
@REM then: caching/credentialsCache[@enabled='false'][@flushInterval='900']
@REM then: location[@path='Depot FTP']//authorization/add[@users='*'][@roles=''][@permissions='Read, Write']

cd %SystemRoot%\System32\Inetsrv

appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"[name='DepotXml',type='DepotXml.Provider, DepotXml, version=1.0.0.0, Culture=neutral, PublicKeyToken=426f62526f636b73']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"[name='DepotNative',clsid='{01234567-89AB-CDEF-0123-456789ABCDEF}']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"activation.[name='DepotXml']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"activation.[name='DepotXml'].[key='file',value='C:\depot\users.xml']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /+"activation.[name='DepotXml'].[key='limit',value='5']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/providerDefinitions /-"activation.[name='DepotXml'].[key='limit']" /commit:apphost

AppCmd set site "Depot FTP" /+ftpServer.security.authentication.customAuthentication.providers.[name='DepotXml',enabled='true'] /commit:apphost
AppCmd set site "Depot FTP" /ftpServer.security.customAuthorization.provider.name:DepotXml /ftpServer.security.customAuthorization.provider.enabled:true /commit:apphost
AppCmd set site "Depot FTP" /+ftpServer.customFeatures.providers.[name='DepotXml',enabled='true'] /commit:apphost
AppCmd set site "Depot FTP" /-ftpServer.customFeatures.providers.[name='DepotXml'] /commit:apphost
AppCmd set config -section:system.ftpServer/caching /credentialsCache.enabled:"False" /credentialsCache.flushInterval:"900" /commit:apphost
AppCmd set config "Depot FTP" -section:system.ftpServer/security/authorization /+[accessType='Allow',permissions='Read,Write',roles='',users='*'] /commit:apphost

net stop FTPSVC
net start FTPSVC
iisreset /noforce
