#!/bin/sh
# post-install.sh [PREFIX] - after `./dev install` on a live machine, or from a package's postinst: users, folders, the
# PAM service, a first configuration, the linker's list of libraries.  Repeating it
# changes nothing; a service that runs is restarted, as what it runs has been replaced.
set -eu
prefix=${1:-/usr/local}
PATH=$PATH:/usr/sbin:/sbin # plain `su` leaves them out
here=$(cd "$(dirname "$0")" && pwd)
if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$here/sysusers.conf" # absolute: a relative name is looked up in sysusers.d alone
else # a machine without systemd: the same list by the tools every Debian has
    grep -E '^[ug] ' "$here/sysusers.conf" | while read -r type name _; do
        case $type in
        u) id "$name" >/dev/null 2>&1 ||
            useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$name" ;;
        g) getent group "$name" >/dev/null || groupadd --system "$name" ;;
        esac
    done
fi

# folder OWNER MODE PATH: make it.  One that is there stays as its administrator has made it; a chmod would also cut
# down what its access control list gives.
folder() {
    [ -d "$3" ] || install -d -o "$1" -g "$1" -m "$2" "$3"
}
folder root 0755 /var/lib/sallyport
folder root 0755 /var/lib/sallyport/c
folder root 0755 /var/lib/sallyport/c/inetpub
folder root 0755 /var/lib/sallyport/c/inetpub/logs
folder sallyport 0750 /var/lib/sallyport/c/inetpub/ftproot

# Whoever has changed it (pam_access, a second factor) means it.
[ -e /etc/pam.d/sallyport ] || install -m 0644 "$here/pam.d/sallyport" /etc/pam.d/sallyport
if [ ! -e /etc/sallyport/applicationHost.config ]; then
    "$prefix/bin/sallyport" --config /etc/sallyport create instance /drive:C:=/var/lib/sallyport/c
fi
ldconfig # or programs do not find libsallyport.so, docs/management-library.md
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # The service of the version before would start programs of this one, and they need not understand each other.
    if systemctl --quiet is-active sallyport; then
        systemctl restart sallyport
    fi
fi
