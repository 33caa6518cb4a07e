@REM A name that the element does not have.
@REM given: Depot FTP
@REM refused: ERROR ( message:Unknown attribute "certificate".  Replace with -? for help. )

appcmd.exe set config -section:system.applicationHost/sites "/[name='Depot FTP'].ftpServer.security.ssl.certificate:x" /commit:apphost
