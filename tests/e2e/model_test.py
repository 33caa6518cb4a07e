"""Random commands against a model of a file tree: every reply, every listing, every byte and at the end the disk agree."""
import os
import posixpath
import random

import pytest

NAMES = ["a", "b", "C", "d e", "f.txt"]  # few, so that commands meet what others made
TWINS = ["A", "B", "c", "F.TXT"]         # the same where the site says so
STEPS = 2000


class World:
    """The session, and what its commands should have made: path to bytes, or to None for a folder.  Paths stand here as `fold`
    gives them, which is what tells names apart."""

    def __init__(self, client, dice, names, fold):
        self.client, self.dice, self.names, self.fold, self.said = client, dice, names, fold, []
        self.tree, self.here = {"/": None}, "/"

    # ---- the tree ----
    def is_folder(self, path):
        return path in self.tree and self.tree[path] is None

    def is_file(self, path):
        return self.tree.get(path) is not None

    def names_in(self, folder):
        return sorted(posixpath.basename(path) for path in self.tree if path != "/" and posixpath.dirname(path) == folder)

    def may_write(self, path):
        return self.is_folder(posixpath.dirname(path)) and not self.is_folder(path)

    def pick(self):
        """A path as a client writes it, and where it leads."""
        parts = self.dice.choices(self.names + (["..", "."] if self.dice.random() < 0.3 else []), k=self.dice.randrange(1, 4))
        written = self.dice.choice(["", "/"]) + "/".join(parts)
        return written, self.fold(posixpath.normpath(posixpath.join(self.here, written)))

    def content(self):
        return self.dice.randbytes(self.dice.choice([0, 1, 3, 50, 5000]))

    # ---- the session ----
    def ask(self, command, *codes):
        """The reply begins with one of these; without them it refuses."""
        reply = self.client.cmd(command)
        self.said.append(f"{command}: {reply}")
        assert reply[:3] in codes or (not codes and reply[0] == "5"), self.story()
        return reply

    def move(self, command, succeeds, upload=None):
        _, received, last = self.client.data(command, upload=upload, want_end=None)
        self.said.append(f"{command}: {last}")
        assert last[0] == ("2" if succeeds else "5"), self.story()
        return received

    def story(self):
        return "\n".join(self.said[-12:] + sorted(self.tree))

    # ---- commands ----
    def make_folder(self):
        written, path = self.pick()
        succeeds = path not in self.tree and self.is_folder(posixpath.dirname(path))
        self.ask(f"MKD {written}", *["257"] * succeeds)
        if succeeds:
            self.tree[path] = None

    def remove_folder(self):
        written, path = self.pick()
        succeeds = self.is_folder(path) and path != "/" and not self.names_in(path)
        self.ask(f"RMD {written}", *["250"] * succeeds)
        if succeeds:
            del self.tree[path]

    def upload(self):
        (written, path), content = self.pick(), self.content()
        verb, old = self.dice.choice(["STOR", "APPE", "REST"]), self.tree.get(path) or b""
        at = {"STOR": 0, "APPE": len(old), "REST": self.dice.choice([0, 1, 2, len(old), len(old) + 1])}[verb]
        succeeds = self.may_write(path) and at <= len(old)
        if verb == "REST":
            self.ask(f"REST {at}", "350")
        self.move(f"{'APPE' if verb == 'APPE' else 'STOR'} {written}", succeeds, content)
        if succeeds:
            self.tree[path] = old[:at] + content

    def upload_unique(self):
        content, before = self.content(), self.names_in(self.here)
        succeeds = self.is_folder(self.here)
        self.move("STOU", succeeds, content)
        if succeeds:
            made = set(self.fold(self.move("NLST", True).decode()).split()) - {word for name in before for word in name.split()}
            assert len(made) == 1, self.story()
            self.tree[posixpath.join(self.here, made.pop())] = content

    def download(self):
        written, path = self.pick()
        content = self.tree.get(path) or b""
        at = self.dice.choice([0, 0, 1, len(content), len(content) + 1])
        succeeds = self.is_file(path) and at <= len(content)
        self.ask(f"REST {at}", "350")
        received = self.move(f"RETR {written}", succeeds)
        assert not succeeds or received == content[at:], self.story()

    def remove_file(self):
        written, path = self.pick()
        succeeds = self.is_file(path)
        self.ask(f"DELE {written}", *["250"] * succeeds)
        if succeeds:
            del self.tree[path]

    def rename(self):
        (old, source), (new, target) = self.pick(), self.pick()
        if source not in self.tree or source == "/" or source == target:
            return
        self.ask(f"RNFR {old}", "350")
        succeeds = target not in self.tree and self.is_folder(posixpath.dirname(target)) and not target.startswith(source + "/")
        self.ask(f"RNTO {new}", *["250"] * succeeds)
        for path in [path for path in self.tree if succeeds and (path + "/").startswith(source + "/")]:
            self.tree[target + path[len(source):]] = self.tree.pop(path)

    def look(self):
        written, path = self.pick()
        if self.is_file(path):
            assert self.ask(f"SIZE {written}", "213") == f"213 {len(self.tree[path])}", self.story()
        else:
            self.ask(f"SIZE {written}")
        self.ask(f"MLST {written}", *["250"] * (path in self.tree))
        self.ask(f"STAT {written}", *["211", "212", "213"] * (path in self.tree))

    def set_time(self):
        written, path = self.pick()
        if path in self.tree and path != "/":
            self.ask(f"MFMT 20200102030405 {written}", "213")
            assert self.ask(f"MDTM {written}", "213") == "213 20200102030405", self.story()

    def list_names(self):
        written, path = self.pick()
        if self.is_folder(path):
            before = self.fold(written[:written.rfind("/") + 1])  # goes before each name
            lines = self.fold(self.move(f"NLST {written}", True).decode()).splitlines()
            assert sorted(lines) == sorted(before + name for name in self.names_in(path)), self.story()
        elif path not in self.tree:
            self.move(f"NLST {written}", False)

    def list_facts(self):
        written, path = self.pick()
        lines = self.move(f"MLSD {written}", self.is_folder(path)).decode().splitlines()
        assert sorted(self.fold(line.split("; ", 1)[1]) for line in lines) == (self.names_in(path) if self.is_folder(path) else []), self.story()

    def enter(self):
        written, path = self.dice.choice([self.pick(), ("..", posixpath.dirname(self.here))])
        self.ask(f"CWD {written}", *["250"] * self.is_folder(path))
        self.here = path if self.is_folder(path) else self.here
        assert f'"{self.here}"' in self.fold(self.ask("PWD", "257")), self.story()


COMMANDS = [World.make_folder, World.remove_folder, World.upload, World.upload_unique, World.download, World.remove_file, World.rename,
            World.look, World.set_time, World.list_names, World.list_facts, World.enter]


def on_disk(root):
    found = {"/": None}
    for folder, folders, files in os.walk(root):
        at = "/" + os.path.relpath(folder, root) if folder != str(root) else ""
        found |= {f"{at}/{name}": None for name in folders}
        found |= {f"{at}/{name}": open(os.path.join(folder, name), "rb").read() for name in files}
    return found


@pytest.mark.parametrize("names, fold", [(NAMES, str), (NAMES + TWINS, str), (NAMES + TWINS, str.lower)], ids=["few", "twins", "folded"])
@pytest.mark.parametrize("seed", range(2))
def test_random_commands(instance, seed, names, fold):
    site = instance.add_site("Depot", users={"anna": "secret"})
    if fold is str.lower:
        site.settings = 'caseInsensitiveNames="true"'
    instance.start()
    with instance.client() as client:
        client.login()
        client.cmd("TYPE I", "200")
        world = World(client, random.Random(seed), names, fold)
        for _ in range(STEPS):
            world.dice.choice(COMMANDS)(world)
        assert {fold(path): content for path, content in on_disk(site.path).items()} == world.tree, world.story()
