"""The whole app as a server, for tests: the pages are built once, then each server starts in about a second.

    with running_app({"CLOUDCACHE_DATABASE_URL": postgres_url}) as app:
        browser.goto(app.url)

Each server runs in a directory of its own that holds links to the sources and a copy of the built pages. So
a developer's `.env`, database and running server are neither read nor touched, and servers do not see each
other. `reflex_run` is the slow and real thing: the very command people type, from compiling to serving.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.waiting import POLL_S, SAFETY_NET_S

ROOT = Path(__file__).resolve().parents[2]
STAGE = ROOT / ".web-tests"
SOURCES = ("alembic", "assets", "cloudcache", "pyproject.toml", "rxconfig.py")
KEPT_BUILDS = 4

STANDIN_PORT = "59599"
"""Reflex bakes the port into the pages; they are built for this one, and each server's copy names its own."""

BUILD_SECONDS = 900
START_SECONDS = SAFETY_NET_S
STOP_SECONDS = SAFETY_NET_S

SERVE = """
import sys
from cloudcache.web.serve import serve
serve("127.0.0.1", int(sys.argv[1]))
"""
"""What `python -m cloudcache web` does."""

SERVE_MANY = """
import sys
from reflex.constants import Env
from reflex.utils.exec import run_backend_prod
from reflex_base.environment import environment
environment.REFLEX_ENV_MODE.set(Env.PROD)
environment.REFLEX_SKIP_COMPILE.set(True)
run_backend_prod("127.0.0.1", int(sys.argv[1]), mount_frontend_compiled_app=True)
"""
"""What `reflex run --env prod` does once the pages are built; internal to Reflex, pinned with its version."""


@dataclass(frozen=True, slots=True)
class RunningApp:
    """A server that answers."""

    port: int
    """Serves the pages."""

    backend_port: int
    """Serves the socket and `/ping`; another one than `port` only in development mode."""

    pid: int
    log: Path
    data_dir: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def running_app(
    env: Mapping[str, str] | None = None,
    *,
    workers: int = 1,
    first: str = "",
    reached_at: int | None = None,
    alter: Callable[[Path], None] | None = None,
) -> Iterator[RunningApp]:
    """A production server on a free port with its own data directory; `env` adds to its environment. The statements
    `first` run before it serves, in the process of which the workers are forks. Browsers come to the port
    `reached_at`, if a relay is in between; `alter` changes the folder of built pages."""
    given, port = dict(env or {}), free_port()
    if reached_at is not None:
        given |= {"REFLEX_FRONTEND_PORT": str(reached_at), "REFLEX_BACKEND_PORT": str(reached_at)}
    with ready_to_serve(reached_at or port, given) as directory:
        if alter is not None:
            alter(directory / ".web")
        command = [sys.executable, "-c", first + (SERVE if workers == 1 else SERVE_MANY), str(port)]
        given = {"GRANIAN_WORKERS": str(workers), **given}
        with _serving(command, directory, directory, (port, port), given, START_SECONDS) as app:
            yield app


class Restartable:
    """A server that can be killed and started again on the same port, with the same data."""

    def __init__(self, env: Mapping[str, str], directory: Path, port: int) -> None:
        self._env = {"GRANIAN_WORKERS": "1", **env}
        self._directory = directory
        self._port = port
        self._running = contextlib.ExitStack()
        self.app = self._started()

    def _started(self) -> RunningApp:
        command = [sys.executable, "-c", SERVE, str(self._port)]
        ports = (self._port, self._port)
        serving = _serving(command, self._directory, self._directory, ports, self._env, START_SECONDS)
        return self._running.enter_context(serving)

    def kill(self) -> None:
        """SIGKILL to the whole process group: nothing is said goodbye to."""
        os.killpg(self.app.pid, signal.SIGKILL)
        self._running.close()

    def start(self) -> None:
        self.app = self._started()

    def stop(self) -> None:
        self._running.close()


@contextlib.contextmanager
def restartable_app(env: Mapping[str, str] | None = None) -> Iterator[Restartable]:
    """Like `running_app`, for tests that kill it."""
    given, port = dict(env or {}), free_port()
    with ready_to_serve(port, given) as directory:
        server = Restartable(given, directory, port)
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def ready_to_serve(port: int, env: Mapping[str, str] | None = None) -> Iterator[Path]:
    """A directory with the sources and the pages built for `port`, in which `SERVE` may be run, several at once."""
    with _own_directory() as directory:
        with _lock():
            _copy_pages(_built(env or {}), directory / ".web", port)
        yield directory


@contextlib.contextmanager
def reflex_run(env: Mapping[str, str] | None = None, *, mode: str = "prod") -> Iterator[RunningApp]:
    """`reflex run --env MODE` itself, compiling included."""
    with _own_directory() as directory, _lock():
        _link_sources(STAGE)
        port = free_port()
        backend_port = free_port() if mode == "dev" else port
        ports = ("--frontend-port", str(port), "--backend-port", str(backend_port))
        command = [_reflex(), "run", "--env", mode, *ports]
        with _serving(command, STAGE, directory, (port, backend_port), env or {}, BUILD_SECONDS) as app:
            yield app


def build_once(env: Mapping[str, str] | None = None) -> Path:
    """The built pages of the present sources; a second call, in any process, finds them ready."""
    with _lock():
        return _built(dict(env or {}))


def _built(env: Mapping[str, str]) -> Path:
    """Which pages exist depends on the environment's kind, and on nothing else that is set."""
    pages = STAGE / "built" / _fingerprint(env.get("CLOUDCACHE_ENVIRONMENT", "local"))
    if pages.exists():
        os.utime(pages)
        return pages
    _link_sources(STAGE)
    with tempfile.TemporaryDirectory(prefix="cloudcache-build-") as data:
        address = {"REFLEX_API_URL": f"http://localhost:{STANDIN_PORT}", "CLOUDCACHE_DATA_DIR": data}
        done = subprocess.run(
            [_reflex(), "export", "--no-zip"],
            cwd=STAGE,
            env=environment({**env, **address}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_SECONDS,
        )
    if done.returncode:
        raise RuntimeError(f"the pages could not be built:\n{done.stdout}")
    draft = pages.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(STAGE / ".web", draft, ignore=shutil.ignore_patterns("node_modules", ".react-router"))
    draft.rename(pages)
    _forget_old(pages.parent)
    return pages


def _forget_old(builds: Path) -> None:
    for old in sorted(builds.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT_BUILDS]:
        shutil.rmtree(old)


def _fingerprint(environment: str) -> str:
    """Changes when anything changes that the pages are built from."""
    digest = hashlib.sha256(environment.encode())
    for name in ("assets", "cloudcache", "rxconfig.py", "requirements.txt", "reflex.lock"):
        top = ROOT / name
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(
                    f"{file.relative_to(ROOT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode()
                )
    return digest.hexdigest()[:16]


def _copy_pages(pages: Path, web: Path, port: int) -> None:
    shutil.copytree(pages, web)
    standin, own = f"localhost:{STANDIN_PORT}".encode(), f"localhost:{port}".encode()
    for file in (*web.glob("build/client/assets/*.js"), web / "env.json"):
        content = file.read_bytes()
        if standin not in content:
            continue
        file.write_bytes(content.replace(standin, own))
        packed = file.with_name(f"{file.name}.gz")
        if packed.exists():
            packed.write_bytes(gzip.compress(file.read_bytes()))


@contextlib.contextmanager
def _own_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cloudcache-app-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        _link_sources(directory)
        yield directory


def _link_sources(directory: Path) -> None:
    """The sources by link; the lock file of the JavaScript packages by copy, since a build writes to it."""
    directory.mkdir(exist_ok=True)
    for name in SOURCES:
        link = directory / name
        if (ROOT / name).exists() and not link.is_symlink():
            link.symlink_to(ROOT / name)
    if (ROOT / "reflex.lock").exists():
        shutil.copytree(ROOT / "reflex.lock", directory / "reflex.lock", dirs_exist_ok=True)


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """One build at a time in this checkout, whichever process wants it; released if its holder dies."""
    STAGE.mkdir(exist_ok=True)
    with (STAGE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what would configure the app or the server, and with what the test gives."""
    ours = ("CLOUDCACHE_", "REFLEX_", "__REFLEX_", "GRANIAN_")
    kept = ("REFLEX_BUN_PATH", "REFLEX_DIR", "REFLEX_USE_NPM")
    inherited = {
        name: value for name, value in os.environ.items() if name in kept or not name.startswith(ours)
    }
    return {**inherited, "PYTHONUNBUFFERED": "1", **given}


def _reflex() -> str:
    return str(Path(sys.executable).with_name("reflex"))


@contextlib.contextmanager
def _serving(
    command: Sequence[str],
    project: Path,
    own: Path,
    ports: tuple[int, int],
    env: Mapping[str, str],
    seconds: float,
) -> Iterator[RunningApp]:
    port, backend_port = ports
    log = own / "server.log"
    told = {
        "CLOUDCACHE_DATA_DIR": str(own / "data"),
        "REFLEX_FRONTEND_PORT": str(port),
        "REFLEX_BACKEND_PORT": str(backend_port),
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environment({**told, **env}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for address in (f"http://127.0.0.1:{backend_port}/ping", f"http://localhost:{port}/"):
            _wait_for(address, process, log, seconds)
        yield RunningApp(port, backend_port, process.pid, log, own / "data")
    finally:
        _stop(process)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), straight.open(address, timeout=seconds):
            return
        time.sleep(POLL_S)
    state = f"silent for {seconds:.0f} s" if process.poll() is None else f"over, code {process.returncode}"
    raise RuntimeError(f"the server is {state}; its log:\n{log.read_text(errors='replace')}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM ends Reflex with its workers; whatever is left of its process group after that is killed."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)


if __name__ == "__main__":
    build_once()
