"""What comments point to is there."""
import re

from harness import ROOT


def sources():
    for folder in ("src", "tests", "include"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".py", ".txt"):
                yield path


def test_every_threat_case_that_is_cited_has_its_line():
    rows = re.findall(r"^\| ([A-Z]\d\d) \|", (ROOT / "docs/threats.md").read_text(), re.M)
    assert len(rows) == len(set(rows)) > 100
    cited = {}
    for path in sources():
        for line, text in enumerate(path.read_text(errors="replace").splitlines(), 1):
            # the numbers of a list and its name, also when the name ends the line before; and those that begin a test's text
            for words in re.findall(r"threats(?:\.md)? ((?:[A-Z]\d\d[ ,]*(?:and )?)+)|^(?: \* |    \"\"\")((?:[A-Z]\d\d[ ,]*(?:and )?)+)[:)]", text):
                for number in re.findall(r"[A-Z]\d\d", "".join(words)):
                    cited.setdefault(number, f"{path.relative_to(ROOT)}:{line}")
    assert len(cited) > 100
    assert not {number: place for number, place in cited.items() if number not in rows}
