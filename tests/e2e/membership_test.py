"""Members of an ASP.NET application (provider AspNetAuth), in SQLite and in PostgreSQL, through ODBC."""
import base64
import hashlib
import hmac
import os
import pathlib
import pwd
import re
import shutil
import signal
import sqlite3
import subprocess
import uuid

import pytest

from harness import BUILD, SANITIZED, free_port
from scarce_memory_test import preload

LAYOUT = (pathlib.Path(__file__).parent.parent / "fixtures" / "aspnetdb.sql").read_text()
NEVER = "1754-01-01 00:00:00"
SALT = bytes(range(16))


def has_driver(name):
    return shutil.which("odbcinst") and subprocess.run(["odbcinst", "-q", "-d", "-n", name], capture_output=True).returncode == 0


def hashed(password, algorithm="sha1"):
    wide = password.encode("utf-16le")
    digest = hashlib.sha1(SALT + wide).digest() if algorithm == "sha1" else hmac.new(SALT * 4, wide, "sha256").digest()
    return base64.b64encode(digest).decode()


class Database:
    """The tables of aspnet_regsql; `words` are those of the SQL dialect."""
    words, true, false = {}, "1", "0"

    def make(self):
        self.execute(LAYOUT % self.words)
        self.applications, self.users, self.roles = {}, {}, {}

    def name(self, text):
        return self.words["q"] + text + self.words["q"]

    def insert(self, table, **row):
        columns = ", ".join(self.name(column) for column in row)
        values = ", ".join(value if value in (self.true, self.false) else "'" + str(value).replace("'", "''") + "'"
                           for value in row.values())
        self.execute(f"INSERT INTO {self.name(table)} ({columns}) VALUES ({values});")

    def add_user(self, user, password="secret", format=1, application="/", algorithm="sha1", approved=True, roles=()):
        if application not in self.applications:
            self.applications[application] = str(uuid.uuid4())
            self.insert("aspnet_Applications", ApplicationName=application, LoweredApplicationName=application.lower(),
                        ApplicationId=self.applications[application])
        where, who = self.applications[application], str(uuid.uuid4())
        self.users[user] = who
        self.insert("aspnet_Users", ApplicationId=where, UserId=who, UserName=user, LoweredUserName=user.lower(),
                    IsAnonymous=self.false, LastActivityDate=NEVER)
        self.insert("aspnet_Membership", ApplicationId=where, UserId=who,
                    Password=hashed(password, algorithm) if format == 1 else password, PasswordFormat=str(format),
                    PasswordSalt=base64.b64encode(SALT).decode(), IsApproved=self.true if approved else self.false,
                    IsLockedOut=self.false, CreateDate=NEVER, LastLoginDate=NEVER, LastPasswordChangedDate=NEVER,
                    LastLockoutDate=NEVER, FailedPasswordAttemptCount="0", FailedPasswordAttemptWindowStart=NEVER,
                    FailedPasswordAnswerAttemptCount="0", FailedPasswordAnswerAttemptWindowStart=NEVER)
        for role in roles:
            if role not in self.roles:
                self.roles[role] = str(uuid.uuid4())
                self.insert("aspnet_Roles", ApplicationId=where, RoleId=self.roles[role], RoleName=role,
                            LoweredRoleName=role.lower())
            self.insert("aspnet_UsersInRoles", UserId=who, RoleId=self.roles[role])

    def of(self, user, column, table="aspnet_Membership"):
        return self.query(f"SELECT {self.name(column)} FROM {self.name(table)} WHERE {self.name('UserId')} = '{self.users[user]}'")

    def change(self, user, column, value):
        self.execute(f"UPDATE {self.name('aspnet_Membership')} SET {self.name(column)} = {value} "
                     f"WHERE {self.name('UserId')} = '{self.users[user]}';")

    def close(self):
        pass


class SQLite(Database):
    words = {"q": "", "guid": "char(36)", "bit": "integer", "time": "timestamp"}
    provider = "System.Data.SQLite"

    def __init__(self, folder):
        self.folder = folder / "db"
        self.folder.mkdir()
        self.folder.chmod(0o777)  # the service's user writes a journal beside the file
        self.file = self.folder / "aspnetdb.sqlite"
        self.connection = sqlite3.connect(self.file, isolation_level=None, timeout=30)
        self.file.chmod(0o666)
        self.string = f"Data Source={self.file};Version=3"
        self.make()

    def execute(self, sql):
        self.connection.executescript(sql)

    def query(self, sql):
        return str(self.connection.execute(sql).fetchone()[0])

    def close(self):
        self.connection.close()


class PostgreSQL(Database):
    words = {"q": "", "guid": "uuid", "bit": "boolean", "time": "timestamp"}
    true, false = "true", "false"
    provider = "Npgsql"
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))

    def __init__(self, folder):
        self.folder, self.port = folder / "pg", free_port()
        self.folder.mkdir()
        os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)
        (folder / "pw").write_text("geheim")
        (folder / "pw").chmod(0o644)
        self.run("initdb", "-D", self.folder / "data", "-U", "ftp", "-A", "scram-sha-256", "--pwfile", folder / "pw", "-E", "UTF8",
                 "--no-sync")
        self.start()
        self.string = f"Host=127.0.0.1;Port={self.port};Database=postgres;Username=ftp;Password=geheim"
        self.make()

    def run(self, program, *arguments, check=True):
        words = [self.programs[-1] / program, *arguments]
        if os.getuid() == 0:
            words = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *words]
        return subprocess.run(words, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/")

    def start(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o",
                 f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off", "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop", check=False)

    def psql(self, sql):
        return subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "ftp", "-d", "postgres", "-v", "ON_ERROR_STOP=1",
                               "-Atq"], input=sql, env={**os.environ, "PGPASSWORD": "geheim"}, check=True, text=True,
                              capture_output=True).stdout.strip()

    def execute(self, sql):
        self.psql(sql)

    def query(self, sql):
        return self.psql(sql)

    def close(self):
        self.stop()


class QuotedPostgreSQL(PostgreSQL):
    """Made by a tool that kept the upper-case letters."""
    words = {**PostgreSQL.words, "q": '"'}


KINDS = {
    "sqlite": (SQLite, "SQLite3"), "postgresql": (PostgreSQL, "PostgreSQL Unicode"),
    "postgresql quoted": (QuotedPostgreSQL, "PostgreSQL Unicode"),
}


def open_database(kind, folder):
    made, driver = KINDS[kind]
    if not has_driver(driver):
        pytest.skip(f"the ODBC driver \"{driver}\" is not installed")
    if made is not SQLite and not PostgreSQL.programs:
        pytest.skip("PostgreSQL is not installed")
    return made(folder)


@pytest.fixture(params=KINDS)
def database(request, instance):
    made = open_database(request.param, instance.dir)
    yield made
    made.close()


def web_config(database, more="", attributes="", roles=True):
    provider = 'connectionStringName="FtpLocalSQLServer" applicationName="/"'
    role_manager = f"""<roleManager enabled="true" defaultProvider="FtpSqlRoleProvider">
          <providers><add name="FtpSqlRoleProvider" type="System.Web.Security.SqlRoleProvider" {provider} /></providers>
        </roleManager>""" if roles else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <location path="GlobalFtpSite/ftpsvc">
    <connectionStrings>
      <add name="FtpLocalSQLServer" connectionString="{database.string}" providerName="{database.provider}" />
    </connectionStrings>
    <system.web>
      <membership defaultProvider="FtpSqlMembershipProvider" {more}>
        <providers>
          <add name="FtpSqlMembershipProvider" type="System.Web.Security.SqlMembershipProvider" {provider}
               passwordFormat="Hashed" {attributes} />
        </providers>
      </membership>
      {role_manager}
    </system.web>
  </location>
</configuration>
"""


def start(instance, database, **options):
    site = instance.add_site("Depot")
    site.more_providers = '<add name="AspNetAuth" />'
    site.rules = ['<add accessType="Allow" users="anna, jürgen, bert" permissions="Read" />',
                  '<add accessType="Allow" roles="Partners" permissions="Read, Write" />']
    instance.server_xml += '<caching><credentialsCache enabled="false" /></caching>'
    instance.put("web.config", web_config(database, **options))
    instance.start()
    return site


def test_members_and_roles(instance, database):
    database.add_user("Anna", "Pässw0rd€", roles=["Partners"])
    database.add_user("Jürgen", "clear text", format=0)
    database.add_user("Rolf", algorithm="hmac", roles=["Partners"])
    database.add_user("stranger")
    start(instance, database)
    with instance.client() as c:
        c.login("anna", "Pässw0rd€")
        c.put("by-role.txt", b"1")
    with instance.client() as c:
        c.login("JüRGEN", "clear text")
        c.data("STOR no.txt", upload=b"1", want_end=None)
        assert not (instance.sites[0].path / "no.txt").exists()
    with instance.client() as c:
        c.login("rolf", "secret")                # no rule names him but that of his role
        c.put("by-role2.txt", b"1")
    with instance.client() as c:
        c.cmd("USER stranger", "331")
        assert "home directory inaccessible" in c.cmd("PASS secret", "530")
    assert not database.of("Anna", "LastLoginDate").startswith("1754")
    assert not database.of("Anna", "LastActivityDate", "aspnet_Users").startswith("1754")


def test_who_is_refused(instance, database):
    """A01: not approved, locked out, of another application, unknown, wrong password: one answer."""
    database.add_user("anna")
    database.add_user("bert", approved=False)
    database.add_user("jürgen", application="/shop")
    database.add_user("encrypted", format=2)
    start(instance, database)
    answers = set()
    for user, password in [("anna", "wrong"), ("bert", "secret"), ("jürgen", "secret"), ("nobody", "secret"),
                           ("encrypted", "secret"), ("x' OR 1=1 --", "secret")]:
        with instance.client() as c:
            c.cmd(f"USER {user}", "331")
            answers.add(c.cmd(f"PASS {password}", "530"))
    assert len(answers) == 1
    assert instance.wait_line("(Encrypted) cannot be checked")
    with instance.client() as c:
        c.login("anna")


def test_lock_out_is_counted_in_the_database(instance, database):
    database.add_user("anna")
    start(instance, database, attributes='maxInvalidPasswordAttempts="3"')
    for attempt in range(3):
        with instance.client() as c:
            c.login("anna", "wrong", want="530")
    assert database.of("anna", "FailedPasswordAttemptCount") == "3"
    assert database.of("anna", "IsLockedOut") in ("1", "t")
    with instance.client() as c:
        c.login("anna", want="530")
    database.change("anna", "IsLockedOut", database.false)
    with instance.client() as c:
        c.login("anna")
    assert database.of("anna", "FailedPasswordAttemptCount") == "0"


def test_no_roles_without_role_manager(instance, database):
    database.add_user("Rolf", roles=["Partners"])
    start(instance, database, roles=False)
    with instance.client() as c:
        c.login("rolf", want="530")


def gets_in(instance):
    with instance.client() as c:
        c.cmd("USER anna", "331")
        return c.cmd("PASS secret").startswith("230")


def failed_logins(instance):
    return [(line["sc-win32-status"], line["sc-substatus"]) for line in instance.log_lines()
            if line["cs-method"] == "PASS" and line["sc-status"] == "530"]


def test_database_restart(instance):
    """A database that is away is no wrong password, delays nobody else, and is found again."""
    database = open_database("postgresql", instance.dir)
    try:
        database.add_user("anna")
        instance.sallyport_xml += '<safety penaltyForFailedLogin="00:10:00" penaltyThreshold="00:15:00" penaltyMaximum="00:20:00" />'
        start(instance, database)
        other = instance.add_site("Other", users={"carl": "secret"})
        instance.write()
        instance.put("web.config", web_config(database))
        instance.give_files()
        instance.reload()
        with instance.client() as c:
            c.login("anna")
        database.stop()
        for attempt in range(2):                 # the second while the database is left alone
            with instance.client() as c:
                c.cmd("USER anna", "331")
                answer = c.cmd("PASS secret", "530")
                assert re.match(r"530-User cannot log in\.\s+ Win32 error:   \s+ Error details: membership database: .+\s+530 End",
                                answer), answer
        assert instance.wait(lambda: failed_logins(instance) == [("0", "34")] * 2)
        with instance.client(other) as c:        # his address has got no penalty
            c.login("carl")
        with instance.client(other) as c:
            c.login("carl")
        assert instance.wait_line("membership database")
        assert "geheim" not in instance.output
        database.start()
        assert instance.wait(lambda: gets_in(instance))
    finally:
        database.close()


@pytest.mark.skipif(SANITIZED, reason="their library wants to be the first that is loaded")
def test_database_is_found_again_whatever_the_clock_says(instance):
    """How long a database that has failed is left alone does not go by the calendar, whose clock somebody may set back."""
    database = open_database("sqlite", instance.dir)
    try:
        library = shutil.copy(BUILD / "tests/programs/libstepping_clock.so", instance.dir)
        preload(instance, library, "sallyport-membership")
        database.add_user("anna")
        start(instance, database)
        assert gets_in(instance)
        membership = next(pid for pid, name in instance.programs_running().items() if name == "sallyport-membership")
        assert "libstepping_clock" in pathlib.Path(f"/proc/{membership}/maps").read_text()
        database.execute("ALTER TABLE aspnet_Membership RENAME TO elsewhere")
        assert not gets_in(instance)
        assert instance.wait_line("membership database")
        database.execute("ALTER TABLE elsewhere RENAME TO aspnet_Membership")
        assert instance.wait(lambda: gets_in(instance))
    finally:
        database.close()


def test_web_config_is_read_again(instance):
    """The program comes and goes with the configuration that needs it."""
    database = open_database("sqlite", instance.dir)
    database.add_user("anna")
    start(instance, database)
    assert "sallyport-membership" in instance.children().values()
    instance.put("web.config", "<configuration />")
    instance.reload()
    assert instance.wait_line("defaultProvider names no provider")
    assert instance.wait(lambda: "sallyport-membership" not in instance.children().values())
    with instance.client() as c:
        c.login("anna", want="530")
    instance.put("web.config", web_config(database))
    instance.reload()
    assert instance.wait(lambda: gets_in(instance))
    database.close()


def test_wanted_again_while_it_ends(instance):
    """The program, which does not end by itself here, is killed; then it comes again, and the reload waits for it."""
    database = open_database("sqlite", instance.dir)
    database.add_user("anna")
    start(instance, database)

    def programs():
        return [pid for pid, name in instance.children().items() if name == "sallyport-membership"]
    [old] = programs()
    os.kill(old, signal.SIGSTOP)
    instance.put("web.config", "<configuration />")
    instance.reload()
    instance.put("web.config", web_config(database))
    instance.reload()
    assert len(programs()) == 1 and old not in programs(), instance.output
    assert instance.wait(lambda: gets_in(instance))
    database.close()
