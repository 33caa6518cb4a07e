@REM One address and one network are refused, another is let in.
@REM then: top ipSecurity[@allowUnlisted='true'][@enableReverseDns='false']
@REM then: top ipSecurity/add[@ipAddress='198.51.100.0'][@subnetMask='255.255.255.0']
@REM then: top ipSecurity/add[@ipAddress='203.0.113.7'][@allowed='true']

appcmd.exe set config -section:system.ftpServer/security/ipSecurity /allowUnlisted:"True" /enableReverseDns:"False" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/ipSecurity /+"[ipAddress='192.0.2.1',subnetMask='255.255.255.255',allowed='False']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/ipSecurity /+"[ipAddress='198.51.100.0',subnetMask='255.255.255.0']" /commit:apphost
appcmd.exe set config -section:system.ftpServer/security/ipSecurity /+"[ipAddress='203.0.113.7',allowed='True']" /commit:apphost
