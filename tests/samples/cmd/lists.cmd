@REM What scripts ask, in every form.
@REM given: Depot FTP
@REM then: sites/site[@name='Depot FTP']

appcmd.exe list site
appcmd.exe list sites "Depot FTP" /config
appcmd.exe list site /site.name:"Depot FTP" /text:*
appcmd.exe list site "Depot FTP" /text:ftpServer.userIsolation.mode
appcmd.exe list site /bindings:ftp/*:21: /serverAutoStart:true
appcmd.exe list site "/id:$>=1" "/name:$=*Depot*"
appcmd.exe list app /site.name:"Depot FTP"
appcmd.exe list vdir "Depot FTP/" /text:physicalPath
appcmd.exe list vdirs /app.name:"Depot FTP/" /xml
appcmd.exe list config /section:?
appcmd.exe list config "Depot FTP" -section:system.ftpServer/security/authorization /config:*
appcmd.exe list config "MACHINE/WEBROOT/APPHOST/Depot FTP" -section:system.applicationHost/sites /metadata
appcmd.exe search config "Depot FTP" /section:system.ftpServer/security/ipSecurity
appcmd.exe set config -section:system.ftpServer/security/requestFiltering -?
appcmd.exe migrate config "Depot FTP/"
appcmd.exe list backup
