@REM A form of each kind, one behind the other: signs inside and outside of the quotes, values quoted or not, edits of attributes and collections in one line.
@REM given: Depot FTP; depot
@REM then: sites/site[@name='Depot FTP']/ftpServer/directoryBrowse[@showFlags='LongDate, StyleUnix']
@REM then: sites/site[@name='depot']/ftpServer/security/sslClientCertificates[@clientCertificatePolicy='CertAllow']
@REM then: sites/site[@name='Depot FTP']/ftpServer/security/commandFiltering/add[@command='STAT']
@REM then: location[@path='Depot FTP']//authorization/add[@roles='editors']
@REM then: location[@path='Depot FTP']//ipSecurity/add[@ipAddress='192.0.2.0']
@REM then: location[@path='Depot FTP']//requestFiltering/requestLimits[@maxUrl='2048']
@REM then: location[@path='Depot FTP']//requestFiltering/fileExtensions/add[@fileExtension='.tmp']
@REM then: providerDefinitions/activation/providerData[@name='Audit']/add[@key='target']
@REM then: sites/site[@name='Depot FTP']/ftpServer/customFeatures/providers/add[@name='Audit']
@REM then: sites/site[@name='Other FTP']/application/virtualDirectory[@physicalPath='C:\depot']

@echo off
appcmd set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.directoryBrowse.showFlags:StyleUnix, LongDate" /commit:apphost
appcmd set config -section:system.applicationHost/sites /[name='depot'].ftpServer.security.authentication.clientCertAuthentication.enabled:"True" /commit:apphost
appcmd set config -section:system.applicationHost/sites /[name='depot'].ftpServer.security.sslClientCertificates.clientCertificatePolicy:"CertAllow" /commit:apphost
appcmd set config -section:system.applicationHost/sites /+"[name='Depot FTP'].ftpServer.security.commandFiltering.[command='STAT',allowed='False']" /commit:apphost
appcmd set config "Depot FTP" -section:system.ftpServer/security/authorization /+"[accessType='Allow',roles='editors',permissions='Read, Write']" /commit:apphost
appcmd set config "Depot FTP" -section:system.ftpServer/security/ipSecurity /+"[ipAddress='192.0.2.0',subnetMask='255.255.255.0']" /commit:apphost
appcmd set config "Depot FTP" -section:system.ftpServer/security/requestFiltering /requestLimits.maxUrl:"2048" /+"fileExtensions.[fileExtension='.tmp',allowed='False']" /commit:apphost
appcmd set config -section:system.ftpServer/security/authentication /denyByFailure.enabled:"True" /denyByFailure.maxFailure:"6" /commit:apphost
appcmd set config -section:system.ftpServer/providerDefinitions /+"[name='Audit',type='Audit.Log, Audit']" /+"activation.[name='Audit']" /commit:apphost
appcmd set config -section:system.ftpServer/providerDefinitions /+"activation.[name='Audit'].[key='target',value='local']" /commit:apphost
appcmd set site "Depot FTP" /+ftpServer.customFeatures.providers.[name='Audit',enabled='true']
appcmd set site "Depot FTP" /ftpServer.userIsolation.mode:Custom
appcmd add site /name:"Other FTP" /bindings:ftp/*:2121: /physicalPath:"%SystemDrive%\depot" /ftpServer.security.ssl.dataChannelPolicy:"SslAllow"
