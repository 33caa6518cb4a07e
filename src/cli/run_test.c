/* run_test.c - whole batch files. */
#include "cli/scenario_test.h"

#include <stdlib.h>

#include "cli/file.h"

#define ADDED "SITE object \"Depot FTP\" added\n"
#define ADD "appcmd add site /name:\"Depot FTP\" /bindings:ftp/*:21:\r\n"

static const struct {
    const char *label;
    const char *file;
    bool atomic;
    int code;
    const char *out;
    const char *has; /* text that applicationHost.config holds then; NULL: has no site */
} cases[] = {
    { "a batch file as it stands",
      "\xef\xbb\xbf@echo off\r\nREM %NOT% expanded & not cut\r\n:: nor this\r\n:start\r\nset \"SITE=Depot FTP\"\r\n"
      "set APPCMD=%windir%\\system32\\inetsrv\\appcmd.exe\r\n"
      "%APPCMD% add site /name:\"%SITE%\" ^\r\n  /bindings:ftp/*:21: /physicalPath:\"%SystemDrive%\\depot\"\r\n"
      "call appcmd set site \"%SITE%\" /id:7 >nul\r\n", false, 0,
      ADDED "APP object \"Depot FTP/\" added\nVDIR object \"Depot FTP/\" added\n", "physicalPath=\"C:\\depot\"" },
    { "the host is not touched, and that is told",
      ADD "net stop ftpsvc\r\niisreset /noforce\r\ncd /d %windir%\\system32\\inetsrv\r\nicacls C:\\depot /grant x:R\r\n", false, 0,
      ADDED "NOTE ( line 2: net stop ftpsvc: the service takes changes over while it runs; it was neither stopped nor started )\n"
      "NOTE ( line 3: iisreset /noforce: the service takes changes over while it runs; it was not restarted )\n"
      "NOTE ( line 4: cd /d C:\\Windows\\system32\\inetsrv: there is no folder to change to; appcmd is found anywhere )\n"
      "NOTE ( line 5: icacls C:\\depot /grant x:R: NOT DONE: grant the Linux account access to the folder with chown, chmod or setfacl )\n",
      "Depot FTP" },
    { "an unknown command stops, what stands before stays", ADD "gacutil /if x.dll\r\nappcmd delete site \"Depot FTP\"\r\n", false, 9009,
      ADDED "ERROR ( message:'gacutil' is not recognized: appcmd lines are carried out, SET, ECHO, CD, MKDIR and what stops or "
      "starts the service are understood. )\n@DIR@/x.cmd:2: stopped with 9009 at: gacutil /if x.dll\n", "Depot FTP" },
    { "an error of appcmd, in its words and with its number", ADD "\r\nappcmd set site \"x\" /id:3\r\n", false, 1168,
      ADDED "ERROR ( message:Cannot find SITE object with identifier \"x\". )\n@DIR@/x.cmd:3: stopped with 1168 at: "
      "appcmd set site \"x\" /id:3\n", "Depot FTP" },
    { "passwords are not repeated", "appcmd set vdir \"x/\" /password:geheim\r\n", false, 1168,
      "ERROR ( message:Cannot find VDIR object with identifier \"x/\". )\n@DIR@/x.cmd:1: stopped with 1168 at: "
      "appcmd set vdir \"x/\" /password\n", NULL },
    { "nor other secrets", "appcmd set vdir \"x/\" /encryptedvalue:geheim\r\n", false, 1168,
      "ERROR ( message:Cannot find VDIR object with identifier \"x/\". )\n@DIR@/x.cmd:1: stopped with 1168 at: "
      "appcmd set vdir \"x/\" /encryptedvalue\n", NULL },
    { "a variable that nobody set", "appcmd add site /name:%NAME_THAT_NOBODY_SET%\r\n", false, 203,
      "ERROR ( message:'%NAME_THAT_NOBODY_SET%' is not set: write a SET line, or give it in the environment. )\n"
      "@DIR@/x.cmd:1: stopped with 203 at: appcmd add site /name:%NAME_THAT_NOBODY_SET%\n", NULL },
    { "the variables of FTP messages stay", ADD "appcmd set site \"Depot FTP\" /ftpServer.messages.exitMessage:\"Bye %UserName%\" >nul\r\n",
      false, 0, ADDED, "exitMessage=\"Bye %UserName%\"" },
    { "commands joined", ADD "appcmd set site x /id:1 || echo no x & echo then && echo and\r\n", false, 0,
      ADDED "ERROR ( message:Cannot find SITE object with identifier \"x\". )\nno x\nthen\nand\n", "Depot FTP" },
    { "conditions", "set A=x\r\nif errorlevel 1 exit /b 1\r\nif %ERRORLEVEL% neq 0 exit /b 1\r\nif not \"%A%\"==\"x\" exit 1\r\n"
      "if /i \"%A%\" == \"X\" echo same\r\nif not errorlevel 1 echo fine\r\n", false, 0, "same\nfine\n", NULL },
    { "what failed is remembered where || lets it go on", "appcmd list site Nope || echo missing\r\nset A=1\r\n"
      "if errorlevel 1 appcmd add site /name:\"Depot FTP\" /bindings:ftp/*:21:\r\nif errorlevel 1 echo never\r\n", false, 0, "missing\n" ADDED, "Depot FTP" },
    { "as a number, and as a text", "appcmd list site Nope || echo missing\r\nif %errorlevel%==1 echo one\r\nif not %ERRORLEVEL% EQU 0 echo more\r\n"
      "appcmd set site x /id:1 >nul || echo %ERRORLEVEL%\r\nif not errorlevel 1169 echo %ERRORLEVEL%\r\nif not errorlevel 1168 echo never\r\n"
      "iisreset\r\necho %ERRORLEVEL%\r\n", false, 0,
      "missing\none\nmore\nERROR ( message:Cannot find SITE object with identifier \"x\". )\n1\n1168\n"
      "NOTE ( line 7: iisreset: the service takes changes over while it runs; it was not restarted )\n0\n", NULL },
    { "and the run ends with it", "appcmd list site Nope || exit /b\r\necho never\r\n", false, 1, "", NULL },
    { "VER forgets it", "appcmd list site Nope || ver\r\nif errorlevel 1 echo never\r\n", false, 0, "", NULL },
    { "exit ends it", ADD "exit /b 0\r\nappcmd delete site \"Depot FTP\"\r\n", false, 0, ADDED, "Depot FTP" },
    { "with its number", "exit /b 3\r\n", false, 3, "", NULL },
    { "what a document shows behind a prompt", "C:\\Windows\\System32\\inetsrv>appcmd add site /name:\"Depot FTP\"\r\n", false, 0, ADDED,
      "Depot FTP" },
    { "a loop over words", "for %%i in (a \"b c\",d) do echo %%i %%~i\r\nfor %%i in () do echo never\r\n", false, 0, "a a\n\"b c\" b c\nd d\n", NULL },
    { "a loop that counts, a block, a loop in it", "FOR /L %%n IN (1,2,4) DO (\r\n  for %%x in (a b) do echo %%n%%x\r\n  REM ) not this\r\n)\r\n", false, 0,
      "1a\n1b\n3a\n3b\n", NULL },
    { "a loop of appcmd lines", "for %%s in (north south) do (\r\n  appcmd add site /name:\"%%s\" /bindings:ftp/*:21:%%s.example >nul\r\n)\r\n", false, 0, "",
      "bindingInformation=\"*:21:south.example\"" },
    { "a loop stops at the first error", "for %%s in (a a b) do appcmd add site /name:%%s\r\n", false, 183,
      "SITE object \"a\" added\nERROR ( message:Failed to add duplicate collection element \"a\". )\n@DIR@/x.cmd:1: stopped with 183 at: "
      "for %%s in (a a b) do appcmd add site /name:%%s\n", "name=\"a\"" },
    { "error handling that never happens", ADD "if %errorlevel% neq 0 (\r\n  echo failed (really)\r\n  exit /b 1\r\n) else (\r\n  echo good\r\n)\r\necho end\r\n", false, 0,
      ADDED "good\nend\n", "Depot FTP" },
    { "else behind another condition", "set A=2\r\nif %A%==1 (echo one) else if %A%==2 (echo two) else (echo more)\r\n", false, 0, "two\n", NULL },
    { "all that follows on the line is the condition's", "if 1==2 echo a & echo b\r\necho c\r\n", false, 0, "c\n", NULL },
    { "what follows a block", "if 1==1 (echo a) & echo b\r\n(echo c & echo d) && echo e\r\n", false, 0, "a\nb\nc\nd\ne\n", NULL },
    { "the batch file's own folder", "echo %~dp0 %~nx0\r\n", false, 0, "@DIR@/ x.cmd\n", NULL },
    { "an argument nobody gave", "echo %1\r\n", false, 50, NULL, NULL },
    { "a block left open", "if 1==1 (\r\necho a\r\n", false, 87, NULL, NULL },
    { "a jump over what failure would need", ADD "if %ERRORLEVEL% GEQ 1 goto failed\r\ngoto end\r\n:failed\r\necho failed\r\nexit /b 1\r\n:End of it\r\necho end\r\n",
      false, 0, ADDED "end\n", "Depot FTP" },
    { "a jump out of a block", "(\r\n  echo a\r\n  goto :out\r\n  echo b\r\n)\r\necho c\r\n:out\r\necho d\r\n", false, 0, "a\nd\n", NULL },
    { "a jump back", ":again\r\ngoto again\r\n", false, 50, "ERROR ( message:'again' is no label below this line; GOTO leads forward only. )\n"
      "@DIR@/x.cmd:2: stopped with 50 at: goto again\n", NULL },
    { "numbers are compared as numbers", "if 9 lss 10 echo less\r\nif 10 leq 9 echo never\r\nif not b gtr c echo letters\r\nif -1 geq -2 echo more\r\n", false, 0,
      "less\nletters\nmore\n", NULL },
    { "letters count without /i", "set A=Prod\r\nif %A%==prod echo never\r\nif \"%A%\" == \"PROD\" echo never\r\nif %A% equ prod echo never\r\n"
      "if /i %A%==prod echo a\r\nif /I not %A% equ PRODS echo b\r\nif /i %A% equ PROD echo c\r\nif %A% neq prod echo d\r\nif b gtr B (echo never) else echo e\r\n"
      "if B gtr a if b lss C echo f\r\nif %A%==Prod if Prod equ %A% echo g\r\n", false, 0, "a\nb\nc\nd\ne\nf\ng\n", NULL },
    { "what is there", "set FOLDER=%SystemDrive%\\inetpub\\new\r\nif not exist \"%FOLDER%\" mkdir \"%FOLDER%\"\r\nif exist %FOLDER%\\nul echo made\r\n"
      "if exist C:\\nothing\\ (echo never) else echo not there\r\nif not exist %windir%\\system32\\inetsrv\\appcmd.exe exit /b 1\r\n", false, 0,
      "made\nnot there\n", NULL },
    { "on no drive", "if exist Q:\\x echo y\r\n", false, 3, NULL, NULL },
    { "variables that are set", "set A=1\r\nset B=\r\nif defined A echo a\r\nif defined B echo b\r\nif not defined NAME_THAT_NOBODY_SET echo c\r\n", false, 0, "a\nc\n", NULL },
    { "into a file and out of it", ADD "appcmd list site /config /xml > \"%SystemDrive%\\my sites.xml\"\r\nappcmd delete site \"Depot FTP\" >>C:\\log.txt 2>&1\r\n"
      "appcmd add site /in < \"C:\\my sites.xml\"\r\n", false, 0, ADDED ADDED, "Depot FTP" },
    { "into a folder that Windows always has", "echo x >>%TEMP%\\log.txt\r\nif exist \"%TEMP%\\log.txt\" echo written\r\n", false, 0, "written\n", NULL },
    { "into a folder that nobody made", "echo x >C:\\nothing\\x\r\n", false, 3, NULL, NULL },
    { "from a file that is not there", "appcmd add site /in <C:\\nothing.xml\r\n", false, 2, NULL, NULL },
    { "into a file on no drive", "echo x >Q:\\x\r\n", false, 3, NULL, NULL },
    { "into a file that nothing takes back", "echo x >C:\\x\r\n", true, 50, NULL, NULL },
    { "all sites", "appcmd add site /name:\"a b\" >nul\r\nappcmd add site /name:c >nul\r\n"
      "for /f \"tokens=*\" %%s in ('appcmd list site /text:name') do (\r\n  appcmd set site \"%%s\" /ftpServer.allowUTF8:false\r\n)\r\n", false, 0,
      "SITE object \"a b\" changed\nSITE object \"c\" changed\n", "allowUTF8=\"false\"" },
    { "words of what is printed", "for /f \"skip=1 tokens=1,3* delims=, \" %%a in ('echo no^&echo a b,c d e ^& echo ;not') do echo %%a-%%b-%%c\r\n"
      "for /f \"usebackq delims==\" %%i in ('k=v') do echo %%i\r\nfor /f %%i in (\"first second\") do echo [%%~i]\r\n", false, 0,
      "a-c-d e\nk\n[first]\n", NULL },
    { "an error of what is read", "for /f %%s in ('appcmd set site x /id:1') do echo %%s\r\n", false, 1168,
      "ERROR ( message:Cannot find SITE object with identifier \"x\". )\n@DIR@/x.cmd:1: stopped with 1168 at: for /f %%s in ('appcmd set site x /id:1') do echo %%s\n", NULL },
    { "a part of what a loop goes through", "for %%i in (a.txt) do echo %%~ni\r\n", false, 50, "ERROR ( message:'echo %~ni' is not supported: of a variable of FOR "
      "only the whole can be taken, as %%~i. )\n@DIR@/x.cmd:1: stopped with 50 at: for %%i in (a.txt) do echo %%~ni\n", NULL },
    { "variables of a moment", "setlocal EnableDelayedExpansion\r\nset A=1\r\necho Hello! You! %A%\r\necho !A!\r\n", false, 50, "Hello! You! 1\nERROR ( message:'!A!' is "
      "not supported: write %NAME%, which has the value from before its line or block. )\n@DIR@/x.cmd:4: stopped with 50 at: echo !A!\n", NULL },
    { "an option of nothing", "for /f \"colour=1\" %%s in ('echo x') do echo %%s\r\n", false, 50, NULL, NULL },
    { "files are not read", "for /f %%s in (C:\\x.txt) do echo %%s\r\n", false, 50, NULL, NULL },
    { "the firewall and the features of Windows", "netsh advfirewall set global StatefulFtp disable\r\nstart /w pkgmgr /iu:IIS-FTPServer\r\ntimeout /t 5 >nul\r\n", false, 0,
      "NOTE ( line 1: netsh advfirewall set global StatefulFtp disable: NOT DONE: open port 21 and the ports of system.ftpServer/firewallSupport "
      "in the firewall of this machine )\nNOTE ( line 2: pkgmgr /iu:IIS-FTPServer: nothing of Windows is installed here; this service has all of FTP )\n", NULL },
    { "what is about the web is told, whatever becomes of the output", ADD "appcmd add apppool /name:web /processModel.password:secret >nul\r\n"
      "appcmd set config \"Depot FTP\" -section:system.webServer/directoryBrowse /enabled:true >C:\\log.txt\r\niisreset >nul\r\n", false, 0,
      ADDED "NOTE ( line 2: appcmd add apppool /name:web /processModel.password: NOT DONE: it is about web sites, not about FTP )\n"
      "NOTE ( line 3: appcmd set config \"Depot FTP\" -section:system.webServer/directoryBrowse /enabled:true: NOT DONE: it is about web "
      "sites, not about FTP )\nNOTE ( line 4: iisreset: the service takes changes over while it runs; it was not restarted )\n", "Depot FTP" },
    { "with --atomic too", "appcmd add apppool /name:web >nul\r\n" ADD, true, 0, "NOTE ( line 1: appcmd add apppool /name:web: NOT DONE: it is about "
      "web sites, not about FTP )\n" ADDED, "Depot FTP" },
    { "who asks about the web gets no empty answer", "appcmd list apppool /text:name\r\n", false, 87, NULL, NULL },
    { "a section of ours is not the web's", "appcmd set config -section:system.webServer/management/authentication /nothing:1\r\n", false, 87, NULL, NULL },
    { "a section of nobody", "appcmd set config -section:system.ftpServer/directoryBrowse /enabled:true\r\n", false, 87, NULL, NULL },
    { "files are not looped over", "for %%f in (*.txt) do echo %%f\r\n", false, 50, NULL, NULL },
    { "nothing is printed, nothing is done", "for /f %%f in ('ver') do echo %%f\r\n", false, 0, "", NULL },
    { "a condition in a block ends with its line", "for %%s in (a b) do (\r\n  if %%s==a echo first\r\n  echo %%s\r\n)\r\n", false, 0, "first\na\nb\n", NULL },
    { "a list over lines", "for %%s in (\r\n  a\r\n  \"b c\" d\r\n) do echo %%~s\r\necho end\r\n", false, 0, "a\nb c\nd\nend\n", NULL },
    { "a block behind a failure", "appcmd set site x /id:1 >nul || (\r\n  echo failed\r\n  exit /b 7\r\n)\r\n", false, 7,
      "ERROR ( message:Cannot find SITE object with identifier \"x\". )\nfailed\n", NULL },
    { "a block behind success", ADD "appcmd set site \"Depot FTP\" /id:3 >nul || (echo failed (really) & exit /b 7) & echo good\r\necho end\r\n", false, 0,
      ADDED "good\nend\n", "id=\"3\"" },
    { "blocks in blocks", "if 1==1 (\r\n  for %%i in (1 2) do (\r\n    if %%i==1 (\r\n      echo one\r\n    ) else (\r\n      echo more\r\n    )\r\n    echo next\r\n  )\r\n"
      ") else (\r\n  echo never\r\n)\r\necho end\r\n", false, 0, "one\nnext\nmore\nnext\nend\n", NULL },
    { "words behind a block", "(echo a) b\r\n", false, 50, NULL, NULL },
    { "a jump to nowhere", "goto end\r\n", false, 50, NULL, NULL },
    { "no batch file runs another", "sallyport run @DIR@/x.cmd\r\n", false, 50, NULL, NULL },
    { "a folder outside of the drives", "mkdir Q:\\x\r\n", false, 3, NULL, NULL },
    { "a folder above the drive", "mkdir C:\\..\\x\r\n", false, 3, NULL, NULL },
    { "all lines", ADD "appcmd set site \"Depot FTP\" /id:7\r\n", true, 0, ADDED "SITE object \"Depot FTP\" changed\n", "id=\"7\"" },
    { "or none", ADD "appcmd set site \"Depot FTP\" /id:x\r\n", true, 13, NULL, NULL },
    { "a half command that another would excuse", ADD "appcmd set site \"Depot FTP\" /id:9 /nothing:1 || echo never mind\r\n", true, 87,
      ADDED "ERROR ( message:Unknown attribute \"nothing\".  Replace with -? for help. )\n@DIR@/x.cmd:2: stopped with 87 at: "
      "appcmd set site \"Depot FTP\" /id:9 /nothing:1 || echo never mind\nNothing was changed: what the lines before did is undone.\n",
      NULL },
    { "what cannot be undone", ADD "appcmd start site \"Depot FTP\"\r\n", true, 50,
      ADDED "ERROR ( message:\"start site\" cannot be undone, so it has no place in --atomic. )\n@DIR@/x.cmd:2: stopped with 50 at: "
      "appcmd start site \"Depot FTP\"\nNothing was changed: what the lines before did is undone.\n", NULL },
};

static void write_batch(const struct scenario *s, const char *content)
{
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/x.cmd", s->dir);
    assert_int_equal(file_write(text_str(&path), slice_str(content), 0600), 0);
}

static void test_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scenario s;
        scenario_begin(&s, true);
        write_batch(&s, cases[i].file);
        struct scenario_step step = { cases[i].label, { "run", "@DIR@/x.cmd", cases[i].atomic ? "--atomic" : NULL }, NULL,
                                      cases[i].code, cases[i].out };
        scenario_steps(&s, &step, 1);
        char *config = scenario_file(&s, "applicationHost.config");
        if (cases[i].has ? !strstr(config, cases[i].has) : strstr(config, "<site ") != NULL)
            print_message("    configuration:\n%s\n", config);
        if (cases[i].has)
            assert_non_null(strstr(config, cases[i].has));
        else
            assert_null(strstr(config, "<site "));
        free(config);
        scenario_end(&s);
    }
}

static void test_folders(void **state)
{
    (void)state;
    static const char *const run[] = { "run", "@DIR@/x.cmd", NULL };
    struct scenario s;
    OWNED_TEXT_BUFFER path = { 0 };
    scenario_begin(&s, true);
    write_batch(&s, "md \"%SystemDrive%\\inetpub\\ftproot\\LocalUser\\Public\"\n");
    assert_int_equal(scenario_run(&s, run, NULL), 0);
    text_addf(&path, "%s/c/inetpub/ftproot/LocalUser/Public", s.dir);
    assert_int_equal(file_make_folder(text_str(&path), 0755), 0);
    scenario_end(&s);
}

static void test_no_file(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "no such file", { "run", "@DIR@/nothing.cmd" }, NULL, 2,
          "ERROR ( hresult:80070002, message:Command execution failed.\nCannot read @DIR@/nothing.cmd: not found\n )\n" },
        { "no file named", { "run" }, NULL, 87, "ERROR ( message:Must specify the file. )\n" },
    };
    scenario_play(steps, COUNT_OF(steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_run), cmocka_unit_test(test_folders),
                                        cmocka_unit_test(test_no_file) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
