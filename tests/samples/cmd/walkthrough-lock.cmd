@REM A section is opened for deeper levels and closed again.
@REM then: section[@name='ipSecurity'][@overrideModeDefault='Deny']

appcmd.exe unlock config -section:system.ftpServer/security/ipSecurity
appcmd.exe lock config -section:system.ftpServer/security/ipSecurity /commit:apphost
