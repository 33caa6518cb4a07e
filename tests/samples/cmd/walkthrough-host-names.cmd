@REM Two sites on one address and port, told apart by host name.
@REM then: sites/site[@name='North']/bindings/binding[@bindingInformation='*:21:north.depot.example']
@REM then: sites/site[@name='South']/bindings/binding[@bindingInformation='[::1]:2121:south.depot.example']
@REM then: serverRuntime/hostNameSupport[@useDomainNameAsHostName='true']

appcmd.exe add site /name:"North" /bindings:ftp/*:21:north.depot.example /physicalPath:"C:\depot\north"
appcmd.exe add site /name:"South" /bindings:"ftp/*:21:south.depot.example,ftp/[::1]:2121:south.depot.example" /physicalPath:"C:\depot\south"
appcmd.exe set config -section:system.ftpServer/serverRuntime /hostNameSupport.useDomainNameAsHostName:True /commit:apphost
