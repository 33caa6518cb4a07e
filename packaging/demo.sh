#!/bin/sh
# demo.sh - what `./dev run` does after the build: make ./demo if there is none, then serve it in the foreground.
# Every step is one an administrator would type; docs/walkthrough-iis-manager-authentication.md explains them.
set -eu
umask 022 # the service account reads the files; what everybody may write is refused
cd "$(dirname "$0")/.."
demo=$PWD/demo
site="Demo FTP"
user=ftpmanager
sallyport() { build/sallyport --config "$demo" "$@"; }

# The account that reads and writes the files: ourselves, or when we are root the service account, `nobody` if the
# machine has none.
if [ "$(id -u)" = 0 ]; then
    service=$(id -un sallyport 2>/dev/null || echo nobody)
    as_service() { setpriv --reuid "$service" --regid "$(id -g "$service")" --clear-groups "$@"; }
else
    service=
    as_service() { "$@"; }
fi

make_demo() {
    sallyport create instance /drive:"C:=$drive"
    thumbprint=$(sallyport add certificate /selfSigned:localhost /text:thumbprint) ||
        { printf '%s\n' "$thumbprint"; exit 1; } # what is wrong comes on standard output, too
    sallyport add site /name:"$site" /bindings:ftp/127.0.0.1:2121:,ftp/127.0.0.1:2990: \
        /physicalPath:'%SystemDrive%\inetpub\ftproot'
    sallyport set config -section:sallyport/tls "/+implicitPorts.[port='2990']"
    sallyport set site "$site" /ftpServer.security.ssl.serverCertHash:"$thumbprint" \
        /ftpServer.security.ssl.controlChannelPolicy:SslAllow /ftpServer.security.ssl.dataChannelPolicy:SslAllow
    sallyport set site "$site" "/+ftpServer.security.authentication.customAuthentication.providers.[name='IisManagerAuth',enabled='true']"
    sallyport set config -section:sallyport/managementService /requiresWindowsCredentials:false
    sallyport set config "$site" -section:system.ftpServer/security/authorization \
        "/+[accessType='Allow',users='$user',permissions='Read, Write']" /commit:apphost
    printf '%s\n' "$password" | sallyport add user "$user"
    sallyport allow user "$user" /site:"$site"
}

# While there is a log and no password, which comes last, the demo is half made.
if [ ! -s "$demo/password" ]; then
    if [ -e "$demo/setup.log" ]; then
        rm -rf "$demo"
    elif [ -e "$demo/applicationHost.config" ]; then
        echo "demo: $demo has an instance that is not the demo, or whose password is gone; move it away" >&2
        exit 1
    fi
    mkdir -p "$demo"
    chmod 0755 "$demo"
    drive=$demo/c
    # A checkout below /root cannot be reached by the service account: keep the files where it can.
    if ! as_service test -x "$demo"; then
        drive=/var/lib/sallyport-demo/c
        echo "demo: $service cannot reach $demo, the site's files are in $drive" >&2
    fi
    mkdir -p "$drive/inetpub/ftproot"
    printf 'This file came through Sallyport.\r\n' >"$drive/inetpub/ftproot/welcome.txt"
    [ -z "$service" ] || chown -R "$service:" "$drive/inetpub/ftproot"
    password=$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n')
    trap 'cat "$demo/setup.log" >&2' EXIT
    (make_demo) >"$demo/setup.log" 2>&1 # its first failure ends it, and us: not so with `||` behind it
    trap - EXIT
    (umask 077 && printf '%s\n' "$password" >"$demo/password")
    rm "$demo/setup.log"
fi

password=$(cat "$demo/password")
cat <<TXT

  Site "$site": ftp://127.0.0.1:2121 (clear or explicit TLS), ftps://127.0.0.1:2990 (implicit TLS)
  User $user, password $password      configuration: demo/      stop with Ctrl-C

  Try, in another terminal:
    curl --insecure --ssl-reqd --user $user:$password ftp://127.0.0.1:2121/
    lftp -u $user,$password -e 'set ssl:verify-certificate no; ls; quit' ftps://127.0.0.1:2990
    build/sallyport --config demo list site

TXT
exec build/sallyportd --config "$demo"
