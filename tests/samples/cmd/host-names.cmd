@REM A domain before the user name chooses the site.
@REM then: serverRuntime/hostNameSupport[@useDomainNameAsHostName='true']

appcmd.exe set config -section:system.ftpServer/serverRuntime /hostNameSupport.useDomainNameAsHostName:"True" /commit:apphost
