@echo off
@REM What an administrator makes of the pages in the end: folders, a log, error handling, loops over sites, a copy of one.
@REM then: sites/site[@name='North Depot']/application/virtualDirectory[@physicalPath='C:\depot\North Depot']
@REM then: sites/site[@name='North Depot']/bindings/binding[@bindingInformation='*:21:North-Depot.example']
@REM then: sites/site[@name='South']/ftpServer[@allowUTF8='false']/userIsolation[@mode='IsolateAllDirectories']
@REM then: sites/site[@name='North Depot']/ftpServer[@allowUTF8='false']
@REM then: sites/site[@name='Copy'][@id='20']/ftpServer/userIsolation[@mode='IsolateAllDirectories']
@REM then: location[@path='South']//authorization/add[@users='anna'][@permissions='Read, Write']

setlocal
set APPCMD=%windir%\system32\inetsrv\appcmd.exe
set ROOT=%SystemDrive%\depot
set LOG=%ROOT%\build.log
if not exist "%APPCMD%" (
    echo There is no IIS on this machine.
    exit /b 1
)
start /w pkgmgr /iu:IIS-WebServerRole;IIS-FTPServer;IIS-FTPSvc;IIS-FTPExtensibility
if not exist "%ROOT%" mkdir "%ROOT%"
pushd "%ROOT%"
echo begun > "%LOG%"

%APPCMD% add site /name:"North Depot" /bindings:ftp://*:2121,ftp/*:21:North-Depot.example /physicalPath:"%ROOT%\North Depot" >> "%LOG%" 2>&1
if errorlevel 1 goto failed
%APPCMD% add site /name:South /bindings:"ftp://south.example:21" /physicalPath:"%ROOT%\South" >> "%LOG%" 2>&1 || goto failed
if %ERRORLEVEL% GEQ 1 goto :failed

for /f "tokens=*" %%s in ('%APPCMD% list site /text:name') do (
    if not exist "%ROOT%\%%s\" md "%ROOT%\%%s"
    %APPCMD% set site "%%s" /ftpServer.userIsolation.mode:IsolateAllDirectories >nul
    if /i "%%s"=="South" %APPCMD% set config "%%s" /section:system.ftpServer/security/authorization ^
        /+"[accessType='Allow',users='anna',permissions='Read, Write']" /commit:apphost
)
%APPCMD% list sites /xml | %APPCMD% set site /in /ftpServer.allowUTF8:false

%APPCMD% list site South /config /xml > "%ROOT%\south.xml"
%APPCMD% add site /in /name:Copy /id:20 < "%ROOT%\south.xml"
goto end

:failed
echo It did not work; see %LOG%.
exit /b 1

:end
popd
endlocal
echo done.
