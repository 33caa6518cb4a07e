"""fake_controller.py CERTIFICATE KEY - an LDAP server of a few entries that can misbehave, for directory_test.c.

Serves LDAPS and StartTLS on ports of 127.0.0.1, which it prints as "PORT LDAPS-PORT", and obeys lines on standard input:
    mode NAME      how it answers from now on: good, hang, drip, close, referral, many, refuse-bind, busy, plain (no Active Directory),
                   cut (no more than one entry at a time), code-N (every search fails with that result code)
    lockout N      the domain locks an account after N wrong passwords; 0: the attribute is not there
    count          prints the numbers of connections, binds, searches and binds as a person so far
Ends with its standard input.  A filter is answered as Active Directory does, for the forms that the tests use.
"""
import socket
import ssl
import struct
import sys
import threading
import time

BASE = "DC=depot,DC=test"


def sid(*parts):
    return bytes([1, len(parts)]) + (5).to_bytes(6, "big") + b"".join(struct.pack("<I", p) for p in parts)


def person(name, rid, **more):
    return {"dn": f"CN={name},OU=People,{BASE}", "objectCategory": [b"person"], "objectClass": [b"user"],
            "sAMAccountName": [name.encode()], "objectSid": [sid(21, 1, 2, 3, rid)], "userAccountControl": [b"512"],
            "userPrincipalName": [(name + "@depot.test").encode()], "whenCreated": [b"20230101000000.0Z"],
            "primaryGroupID": [b"513"], "tokenGroups": [sid(21, 1, 2, 3, 513), sid(32, 545)], **more}


def group(name, rid, *members):
    return {"dn": f"CN={name},{BASE}", "objectClass": [b"group"], "sAMAccountName": [name.encode()], "objectSid": [sid(21, 1, 2, 3, rid)],
            "member": [member.encode() for member in members]}


ENTRIES = [
    {"dn": "", "supportedCapabilities": [b"1.2.840.113556.1.4.1670", b"1.2.840.113556.1.4.800"], "defaultNamingContext": [BASE.encode()], "configurationNamingContext": [b"CN=Configuration," + BASE.encode()]},
    {"dn": BASE, "lockoutDuration": [b"-18000000000"], "lockoutThreshold": [b"4"], "lockOutObservationWindow": [b"-18000000000"]},
    {"dn": f"CN=DEPOT,CN=Partitions,CN=Configuration,{BASE}", "objectClass": [b"crossRef"], "nCName": [BASE.encode()],
     "nETBIOSName": [b"DEPOT"], "dnsRoot": [b"depot.test"]},
    {**group("ftp-users", 2001), "gidNumber": [b"6001"]}, {**group("ftp-admins", 2002), "gidNumber": [b"6002"]}, group("Domain Users", 513), group("many", 3000),
    group("inner", 2101, f"CN=nogroups,OU=People,{BASE}"), group("middle", 2102, f"CN=inner,{BASE}", f"CN=outer,{BASE}"),
    group("outer", 2103, f"CN=middle,{BASE}"), group("other", 2104, f"CN=alice,OU=People,{BASE}"),
    *[group(f"step{n}", 2200 + n, f"CN=step{n - 1},{BASE}" if n else f"CN=deep,OU=People,{BASE}") for n in range(40)],
    *[group(f"crew{n}", 3100 + n, f"CN=popular,OU=People,{BASE}") for n in range(1001)],
    person("deep", 1020, tokenGroups=[]), person("popular", 1021, tokenGroups=[]),
    person("alice", 1001, tokenGroups=[sid(21, 1, 2, 3, 513), sid(21, 1, 2, 3, 2001)],
           altSecurityIdentities=[b"X509:<I>CN=Test CA<SR>0A01", b"Kerberos:alice@OTHER.TEST"]),
    person("bert", 1002, altSecurityIdentities=[b"X509:<I>CN=Test CA<S>CN=bert"]),
    person("twin1", 1003, altSecurityIdentities=[b"X509:<SKI>77"]),
    person("twin2", 1004, altSecurityIdentities=[b"X509:<SKI>77"]),
    person("ivan", 1005, userAccountControl=[b"514"]),
    person("zoe", 1006, userPrincipalName=["zoé@depot.test".encode()]),
    person("crowd", 1007, tokenGroups=[sid(21, 1, 2, 3, 10000 + n) for n in range(5000)]),
    person("nogroups", 1008, tokenGroups=[]),
    person("noname", 1009, userPrincipalName=[]),
    person("paul", 1010, altSecurityIdentities=[b"X509:<RFC822>paul@depot.test"]),
    person("owner", 1011, altSecurityIdentities=[b"X509:<I>CN=Whole CA"]),
    person("nina", 1013, pwdLastSet=[b"0"]), person("olaf", 1014), person("rita", 1015),
    person("wanda", 1016, uidNumber=[b"5016"], gidNumber=[b"5513"], **{"msIIS-FTPRoot": [b"\\\\files\\ftp"], "msIIS-FTPDir": [b"wanda"]},
           tokenGroups=[sid(21, 1, 2, 3, 513), sid(21, 1, 2, 3, 2001), sid(21, 1, 2, 3, 2002)]),
    person("stored", 1018, objectCategory=[f"CN=Person,CN=Schema,CN=Configuration,{BASE}".encode()]),
    person("chief", 1017, altSecurityIdentities=[b"X509:<I>CN=Upper CA"]),
    person("padded", 1012, altSecurityIdentities=[b"X509:<I>CN=Test CA<SR>0B9900"]),
]
mode, counts = "good", {"connections": 0, "binds": 0, "searches": 0, "attempts": 0}


# ---- BER ----
def tlv(tag, *parts):
    content = b"".join(parts)
    size = bytes([len(content)]) if len(content) < 128 else b"\x84" + len(content).to_bytes(4, "big")
    return bytes([tag]) + size + content


def number(value):
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def split(data):
    """[(tag, content)] of what stands in `data`."""
    found = []
    while data:
        size, at = data[1], 2
        if size & 0x80:
            at += size & 0x7f
            size = int.from_bytes(data[2:at], "big")
        found.append((data[0], data[at:at + size]))
        data = data[at + size:]
    return found


def whole(data):
    """The length of the message at the start of `data`, 0 when it is not all there."""
    if len(data) < 6:
        return 0
    size, at = data[1], 2
    if size & 0x80:
        at += size & 0x7f
        size = int.from_bytes(data[2:at], "big")
    return at + size if len(data) >= at + size else 0


# ---- searching ----
def is_in(dn, group, seen):
    """The rule in-chain: whether `dn` is a member, or a member of a member."""
    members = group.get("member", [])
    if dn in members:
        return True
    seen.add(group["dn"])
    return any(is_in(dn, e, seen) for e in ENTRIES if e["dn"].encode() in members and e["dn"] not in seen)


def matches(entry, tag, content):
    if tag == 0xa0:
        return all(matches(entry, *part) for part in split(content))
    if tag == 0xa1:
        return any(matches(entry, *part) for part in split(content))
    if tag == 0xa2:
        return not matches(entry, *split(content)[0])
    if tag == 0x87:
        return bool(entry.get(content.decode())) or content.lower() == b"objectclass"
    if tag == 0xa3:
        (_, name), (_, value) = split(content)
        # A real directory ignores accents: so does this one
        fold = lambda text: text.lower().replace("é".encode(), b"e")
        return any(fold(have) == fold(value) for have in entry.get(name.decode(), []))
    if tag == 0xa9:
        if mode == "plain":                # a server that does not know a matching rule takes the term for undefined
            return False
        return is_in(split(content)[2][1], entry, set())
    raise ValueError(hex(tag))


def search(number_of, content):
    (_, base), (_, scope), _, (_, limit), _, _, filter_, (_, wanted) = split(content)
    base, scope, limit = base.decode(), scope[0], int.from_bytes(limit, "big")
    names = [name.decode() for _, name in split(wanted)]
    found = [e for e in ENTRIES if (e["dn"] == base if scope == 0 else e["dn"].endswith(base) and e["dn"])
             and matches(e, *filter_)]
    code = 4 if limit and len(found) > limit else 0
    if mode == "cut" and len(found) > 1:
        found, code = found[:1], 4
    if mode == "many":
        found, code = ENTRIES[-4:], 4
    for entry in found[:limit or None]:
        attributes = [tlv(0x30, tlv(4, name.encode()), tlv(0x31, *[tlv(4, value) for value in entry[name]]))
                      for name in names if entry.get(name) and not (mode == "plain" and name == "supportedCapabilities")]
        yield tlv(0x64, tlv(4, entry["dn"].encode()), tlv(0x30, *attributes))
    yield tlv(0x73, tlv(4, b"ldap://127.0.0.1:1/" + BASE.encode()))    # a reference, as AD adds to every search
    if not found and scope == 0:
        code = 32
    yield result(0x65, code)


def result(tag, code, *more, text=b""):
    return tlv(tag, tlv(10, bytes([code])), tlv(4), tlv(4, text), *more)


def bind(name, password):
    """As Active Directory does: the password of a person is Pw-NAME, and wrong ones are counted."""
    refused = lambda data: result(0x61, 49, text=b"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data %s, v1" % data)
    person = next((e for e in ENTRIES if e["dn"] == name and "userAccountControl" in e), None)
    if person is None:
        return result(0x61, 0) if password == "secret" and mode != "refuse-bind" else refused(b"525")
    counts["attempts"] += 1
    if mode == "busy":
        return result(0x61, 51)
    if password != "Pw-" + person["sAMAccountName"][0].decode():
        person["badPwdCount"] = [str(int(person.get("badPwdCount", [b"0"])[0]) + 1).encode()]
        person["badPasswordTime"] = [str(int((time.time() + 11644473600) * 10000000)).encode()]
        return refused(b"52e")
    if int(person["userAccountControl"][0]) & 2:
        return refused(b"533")
    if person.get("pwdLastSet") == [b"0"]:
        return refused(b"773")
    person["badPwdCount"] = [b"0"]
    return result(0x61, 0)


def answers(tag, identifier, content):
    if tag == 0x60:
        counts["binds"] += 1
        yield bind(split(content)[1][1].decode(), split(content)[2][1].decode())
    elif tag == 0x63:
        counts["searches"] += 1
        if mode == "referral":
            yield result(0x65, 10, tlv(0xa3, tlv(4, b"ldap://127.0.0.1:1/")))
        elif mode.startswith("code-"):
            yield result(0x65, int(mode.removeprefix("code-")))
        else:
            yield from search(identifier, content)


def serve(client, tls):
    try:
        if tls:
            client = CONTEXT.wrap_socket(client, server_side=True)
        data = b""
        while True:
            while not (size := whole(data)):
                chunk = client.recv(65536)
                if not chunk:
                    return
                data += chunk
            (_, message), data = split(data[:size])[0], data[size:]
            (_, identifier), (tag, content) = split(message)[:2]
            if mode == "hang":
                time.sleep(3600)
            if mode == "close" and tag == 0x63:
                return
            if tag == 0x77:
                client.sendall(tlv(0x30, tlv(2, identifier), result(0x78, 0)))
                client = CONTEXT.wrap_socket(client, server_side=True)
                continue
            for answer in answers(tag, identifier, content):
                packet = tlv(0x30, tlv(2, identifier), answer)
                if mode == "drip" and tag == 0x63:
                    for byte in packet:
                        client.sendall(bytes([byte]))
                        time.sleep(0.05)
                else:
                    client.sendall(packet)
    except (OSError, ssl.SSLError):
        pass
    finally:
        client.close()


def listen(tls):
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            client, _ = listener.accept()
            counts["connections"] += 1
            threading.Thread(target=serve, args=(client, tls), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(sys.argv[1], sys.argv[2])
print(listen(False), listen(True), flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "mode":
        mode = words[1]
        print("ok", flush=True)
    elif words[0] == "lockout":
        ENTRIES[1]["lockoutThreshold"] = [] if words[1] == "0" else [words[1].encode()]
        print("ok", flush=True)
    else:
        print(*counts.values(), flush=True)
