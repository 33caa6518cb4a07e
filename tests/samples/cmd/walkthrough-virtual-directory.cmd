@REM A folder from elsewhere below the root, and an application.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']/application[@path='/']/virtualDirectory[@path='/incoming'][@physicalPath='D:\incoming']
@REM then: sites/site[@name='Depot FTP']/application[@path='/partners']/virtualDirectory[@physicalPath='D:\partners']

appcmd.exe add vdir /app.name:"Depot FTP/" /path:/incoming /physicalPath:"D:\incoming"
appcmd.exe add app /site.name:"Depot FTP" /path:/partners /physicalPath:"D:\partners"
appcmd.exe set vdir "Depot FTP/incoming" /userName:"DEPOT\keeper" /password:P@ssw0rd
appcmd.exe set vdir "Depot FTP/incoming" /userName: /password:
