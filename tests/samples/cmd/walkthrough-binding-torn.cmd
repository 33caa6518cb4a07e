@REM A page on bindings puts a blank behind the colon, and one between the keys.
@REM given: depot
@REM then: sites/site[@name='depot']/bindings/binding[@protocol='ftp'][@bindingInformation='*:2121:']

appcmd.exe set site /site.name: depot /+bindings.[protocol='ftp', bindingInformation='*:2121:']
