"""One line per event, to standard error, with secrets taken out whoever wrote them, and with what it is about.

Reflex logs whole events, headers and all, when a handler is unknown; any browser can make it do that. The
filter therefore works on the finished text of every record, tracebacks included.

What a line is about is said once, where the work begins, and follows it into every task that it starts:

    with about(request=..., customer=..., actor=...):        until the end of the block
    begin(request=...)                                       until the end of the task

A customer is named by its number, never by the shop's name: the number means nothing any more after an erasure,
a log that is kept somewhere could not be erased.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex

_SECRETS = re.compile(
    r"(?i)(eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){1,2}"
    r"|(cct|shp[a-z]{2,3})_[A-Za-z0-9_-]{8,}"
    r"|cf[a-z]{2,3}_[A-Za-z0-9_-]{8,}"
    r"|bearer\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=cloudcache_local=)[^;,\s'\"]+"
    r"|(?<=cloudcache_staff=)[^;,\s'\"]+"
    r"|(?<=['\"]cookie['\"]: ')[^']+"
    r'|(?<=["\']cookie["\']: ")[^"]+'
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@))"
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

FIELDS = ("event", "ray", "status")
"""What a record may bring along besides its text (`extra=`)."""

_about: ContextVar[Mapping[str, str | int]] = ContextVar("about", default={})  # noqa: B039  never changed in place


def begin(**what: str | int | None) -> None:
    """This task is about something else from here on."""
    _about.set(_said(what))


def job(name: str, *, customer: int | None = None) -> None:
    """This task is a job of ours, with an id to find all its lines by."""
    begin(request=request_id(), job=name, actor="system", customer=customer)


def know(**what: str | int | None) -> None:
    """It turned out what this task is about, besides what is known already."""
    _about.set({**_about.get(), **_said(what)})


@contextmanager
def about(**what: str | int | None) -> Iterator[None]:
    """Everything in this block is about this too."""
    token = _about.set({**_about.get(), **_said(what)})
    try:
        yield
    finally:
        _about.reset(token)


def now_about() -> Mapping[str, str | int]:
    """What the present task is about."""
    return _about.get()


def _said(what: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in what.items() if value is not None}


def request_id(given: str | None = None) -> str:
    """The id that a proxy gave a request, if it is one that can be trusted in a log; else a new one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else token_hex(8)


def redacted(text: str) -> str:
    """The text without whatever looks like a credential."""
    return _SECRETS.sub("****", text)


class Redacting(logging.Formatter):
    """Formats as usual, says what it is about, and stars out what looks like a credential."""

    def format(self, record: logging.LogRecord) -> str:
        said = " ".join(f"{name}={value}" for name, value in _about.get().items())
        return redacted(super().format(record) + (f" [{said}]" if said else ""))


class Json(logging.Formatter):
    """One object a line; each text is redacted before it is escaped, so that no quote hides a secret."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            "process": f"{self._role}-{record.process}",
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None))}
        line |= _about.get()
        if record.exc_info:
            line["traceback"] = redacted(self.formatException(record.exc_info))
        return redacted(json.dumps(line, ensure_ascii=False, default=str))


def configure(level: str = "INFO", form: str = "text", role: str = "web") -> None:
    """Send our log, and that of the libraries below us, through a redacting formatter."""
    handler = logging.StreamHandler()
    plain = Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(Json(role) if form == "json" else plain)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("cloudcache").setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)
