@REM A site goes.
@REM given: Depot FTP
@REM then: not sites/site[@name='Depot FTP']

appcmd.exe delete site "Depot FTP"
