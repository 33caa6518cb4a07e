@REM A web site gets an FTP side by one binding.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/bindings/binding[@protocol='ftp'][@bindingInformation='*:2121:ftp.depot.example']
@REM then: sites/site[@name='Depot FTP']/bindings/binding[@bindingInformation='*:2122:']

appcmd.exe set site /site.name:"Depot FTP" /+bindings.[protocol='ftp',bindingInformation='*:2121:ftp.depot.example']
appcmd.exe set site "Depot FTP" /bindings.[protocol='ftp',bindingInformation='*:21:'].bindingInformation:*:2122:
