"""One line per event, to standard error, with secrets taken out whoever wrote them.

Reflex logs whole events, headers and all, when a handler is unknown; any browser can make it do that. The
filter therefore works on the finished text of every record, tracebacks included.
"""

from __future__ import annotations

import logging
import re

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


class Redacting(logging.Formatter):
    """Formats as usual and stars out what looks like a credential."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRETS.sub("****", super().format(record))


def configure(level: str = "INFO") -> None:
    """Send our log, and that of the libraries below us, through the redacting formatter."""
    handler = logging.StreamHandler()
    handler.setFormatter(Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("cloudcache").setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)
