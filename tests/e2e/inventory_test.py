"""Every setting that IIS's FTP schema knows is taken: written out explicitly, none is told to be without effect."""
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

from harness import ROOT

SCHEMA = ElementTree.parse(ROOT / "schema/Ftp_schema.xml").getroot()
# What cannot be its default, or has none.
VALUES = {"userName": "IUSR", "command": "NOOP", "ipAddress": "192.0.2.1", "domainName": "", "fileExtension": ".x", "segment": "x",
          "sequence": "x", "users": "anna", "roles": "", "name": "IisManagerAuth", "permissions": "Read", "accessType": "Allow",
          "adPassword": "", "adUserName": "", "directory": r"%SystemDrive%\inetpub\logs\LogFiles"}
SKIPPED = {"sessions"}  # of the running service


def value(attribute):
    name, default = attribute.get("name"), attribute.get("defaultValue")
    if name in VALUES:
        return VALUES[name]
    if default is not None and not default.startswith("[enc:"):
        return default
    kind = attribute.get("type")
    return {"bool": "false", "enum": attribute.findall("enum")[0].get("name") if attribute.findall("enum") else "",
            "flags": "", "timeSpan": "00:01:00"}.get(kind, "0" if "int" in (kind or "") else "")


def written(element, tag, told):
    """The element with every attribute, and all below it."""
    attributes = [a for a in element.findall("attribute") if a.get("extension") != "runtime"]
    told += [a.get("name") for a in attributes]
    text = "".join(f" {a.get('name')}={quoteattr(value(a))}" for a in attributes)
    inner = "".join(written(child, child.get("name"), told) for child in element.findall("element")
                    if child.get("name") not in SKIPPED)
    for collection in element.findall("collection"):
        attributes = [a for a in collection.findall("attribute")]
        told += [a.get("name") for a in attributes]
        inner += (f"<{collection.get('addElement')}" +
                  "".join(f" {a.get('name')}={quoteattr(value(a))}" for a in attributes if value(a) or a.get("name") not in
                          ("domainName", "ipAddress")) + " />")
    return f"<{tag}{text}>{inner}</{tag}>"


def ftp_server():
    """The ftpServer element of a site in the schema."""
    for section in SCHEMA.iter("sectionSchema"):
        if section.get("name") == "system.applicationHost/sites":
            return next(e for e in section.iter("element") if e.get("name") == "ftpServer")
    raise AssertionError("no ftpServer in the schema")


def test_every_setting_of_a_site_is_taken(instance):
    told = []
    instance.add_site("Depot")
    instance.write()
    path = instance.dir / "applicationHost.config"
    text = path.read_text()
    begin, end = text.index("<ftpServer"), text.index("</ftpServer>") + len("</ftpServer>")
    path.write_text(text[:begin] + written(ftp_server(), "ftpServer", told) + text[end:])
    done = instance.check()
    said = done.stdout + done.stderr
    assert len(told) > 60 and {"adCacheRefresh", "logonMethod", "disableSocketPooling"} <= set(told)
    assert "not enforced yet" not in said and done.returncode == 0, said


def test_every_setting_of_the_server_is_taken(instance):
    told, sections = [], {}
    for section in SCHEMA.iter("sectionSchema"):
        name = section.get("name")
        if name.startswith("system.ftpServer/") and not name.endswith("providerDefinitions"):
            sections[name] = written(section, name.rsplit("/", 1)[1], told)
    plain = "".join(xml for name, xml in sections.items() if "/security/" not in name)
    security = "".join(xml for name, xml in sections.items() if "/security/" in name)
    instance.add_site("Depot")
    instance.server_xml = plain + f"<security>{security}</security>"
    instance.write()
    done = instance.check()
    said = done.stdout + done.stderr
    assert len(told) > 30 and {"entryExpiration", "useDomainNameAsHostName", "flushInterval"} <= set(told)
    assert "not enforced yet" not in said and done.returncode == 0, said
