"""tests/samples: command files and XML in the shapes of Microsoft's configuration reference, names and values our own.

A .cmd file is carried out by `sallyport run` on an instance that has the sites of its "given:" line; "then:" lines are
places in applicationHost.config that must exist afterwards ("not": must not), "refused:" is what it is refused with.
An .xml file is put where such a piece stands in applicationHost.config; its "then:" lines are command lines and what they
print ("=": all of it, lines joined by "|"; "contains").  Whatever is accepted must pass the loader's eyes as well.
"""
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from harness import BUILD, ROOT

SAMPLES = ROOT / "tests/samples"
COMMAND_FILES = sorted((SAMPLES / "cmd").glob("*.cmd"))
XML_FILES = sorted((SAMPLES / "xml").glob("*.xml"))


def sallyport(directory, *arguments):
    done = subprocess.run([BUILD / "sallyport", "--config", directory, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    assert done.stderr == "", "everything is said on standard output"
    return done.returncode, done.stdout


def directives(text, word):
    return re.findall(rf"^(?:@REM|<!--) {word}: (.*?)(?: -->)?\r?$", text, re.M)


def instance_with_sites(directory, text):
    assert sallyport(directory, "create", "instance")[0] == 0
    for names in directives(text, "given"):
        for name in names.split("; "):
            code, said = sallyport(directory, "add", "site", f"/name:{name}", "/bindings:ftp/*:21:", "/physicalPath:C:\\depot")
            assert code == 0, said


def assert_usable(directory):
    """Settings may need what a sample does not bring (a certificate, a folder); the files themselves must be read."""
    said = subprocess.run([BUILD / "sallyport", "--config", directory, "check"], capture_output=True, text=True)
    complaints = [line for line in (said.stdout + said.stderr).splitlines() if re.search(r"applicationHost\.config:\d+", line)]
    wrong = [line for line in complaints if re.search(r"Unrecognized|is invalid|duplicate|not well-formed|Missing required|Lock violation", line)]
    assert wrong == [], said.stdout + said.stderr


def found(root, place):
    top = place.startswith("top ")
    place = place.removeprefix("top ")
    if place.startswith("location"):
        return root.find(f"./{place}") is not None
    roots = [child for child in root if child.tag != "location"] if top else [root]
    return any(child.find(f".//{place}") is not None for child in roots)


@pytest.mark.parametrize("path", COMMAND_FILES, ids=lambda path: path.stem)
def test_command_file(path, tmp_path):
    text = path.read_bytes().decode()
    directory = tmp_path / "instance"
    instance_with_sites(directory, text)
    code, said = sallyport(directory, "run", path)
    refused = directives(text, "refused")
    if refused:
        assert code != 0 and refused[0] in said, said
    else:
        assert code == 0, said
    root = ElementTree.parse(directory / "applicationHost.config").getroot()
    wanted = directives(text, "then")
    assert wanted or refused
    for place in wanted:
        absent = place.startswith("not ")
        assert found(root, place.removeprefix("not ")) != absent, f"{place}\n{said}\n{(directory / 'applicationHost.config').read_text()}"
    assert_usable(directory)


# Lines that a person pastes into a shell as they stand in a document: no variables, no cd, no lines that a shell tears.
PASTED = [path for path in COMMAND_FILES
          if all(re.match(r"(?i)appcmd\.exe |@REM|$", line) for line in path.read_text().splitlines())
          and "%" not in path.read_text() and path.stem != "walkthrough-quotes-torn"]


@pytest.mark.parametrize("path", PASTED, ids=lambda path: path.stem)
def test_pasted_into_a_shell(path, tmp_path):
    """The shell eats other quotes than cmd.exe does; the state must be the same."""
    text = path.read_bytes().decode()
    directory = tmp_path / "instance"
    instance_with_sites(directory, text)
    commands = tmp_path / "commands"
    commands.write_text("set -e\n" + re.sub(r"(?i)^appcmd\.exe", "appcmd.exe", re.sub(r"@REM.*\n", "", text.replace("\r", "")), flags=re.M))
    environment = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "SALLYPORT_CONFIG": str(directory)}
    done = subprocess.run(["sh", commands], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stderr == ""
    refused = directives(text, "refused")
    assert (done.returncode != 0 and refused[0] in done.stdout) if refused else done.returncode == 0, done.stdout
    root = ElementTree.parse(directory / "applicationHost.config").getroot()
    for place in directives(text, "then"):
        absent = place.startswith("not ")
        assert found(root, place.removeprefix("not ")) != absent, f"{place}\n{(directory / 'applicationHost.config').read_text()}"


def put_piece(config, text):
    """The file with the piece where it belongs: what a fresh instance says of the same section goes."""
    body = re.sub(r"<!--.*?-->\n", "", text).strip()
    tag = re.match(r"<([\w.]+)", body).group(1)
    fresh = config.read_text()
    inside = body
    if tag == "configuration":
        inside = re.sub(r"^<configuration>|</configuration>$", "", body)
    elif tag in ("site", "siteDefaults"):
        inside = None
    if inside is None:
        if tag == "siteDefaults":
            fresh = re.sub(r"<siteDefaults>.*?</siteDefaults>", "", fresh, flags=re.S)
        place = re.search(r"<sites>|<sites />", fresh)
        assert place, fresh
        fresh = fresh[:place.start()] + "<sites>\n" + body + ("\n</sites>" if place.group().endswith("/>") else "") + fresh[place.end():]
        if tag == "siteDefaults":  # it stands behind the sites
            fresh = fresh.replace(body, "", 1).replace("</sites>", body + "\n</sites>", 1)
    else:
        at_server = tag != "location"
        for section in ("log", "firewallSupport", "caching", "serverRuntime", "providerDefinitions", "sites", "ipSecurity",
                        "requestFiltering", "authorization", "authentication"):
            if at_server and re.search(rf"<{section}[ />]", inside.partition("<location")[0]):
                fresh = re.sub(rf"<{section}(?:\s[^>]*)?/>|<{section}(?:\s[^>]*[^/])?>.*?</{section}>", "", fresh, flags=re.S)
        fresh = fresh.replace("</configuration>", inside + "\n</configuration>")
    config.write_text(fresh)


@pytest.mark.parametrize("path", XML_FILES, ids=lambda path: path.stem)
def test_xml(path, tmp_path):
    text = path.read_text()
    directory = tmp_path / "instance"
    instance_with_sites(directory, text)
    put_piece(directory / "applicationHost.config", text)
    refused = directives(text, "refused")
    if refused:
        code, said = sallyport(directory, "list", "site")
        assert code != 0 and refused[0] in said, said
        return
    wanted = directives(text, "then")
    assert wanted
    for line in wanted:
        command, sign, output = re.match(r"(.*?) (=|contains) (.*)", line).groups()
        code, said = sallyport(directory, *[word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)])
        assert code == 0, said
        if sign == "=":
            assert said == output.replace("|", "\n") + "\n"
        else:
            assert output in said
    assert_usable(directory)


def test_there_are_enough():
    assert len(COMMAND_FILES) >= 110 and len(XML_FILES) >= 50 and len(PASTED) >= 60
