"""Where settings come from: the variables of an optional `.env` file, and names that are no setting of this program.

A file that was saved as UTF-16 or Latin-1 is refused by name. A name is compared with the known ones, because a
setting with a typing error is otherwise ignored in silence. Values are secrets and never repeated.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

from cloudcache.domain.token_text import visible_text

PREFIX = "CLOUDCACHE"
KNOWN = frozenset(
    f"{PREFIX}_{name}"
    for name in (
        "CLOUDFLARE_BATCH_READ",
        "CLOUDFLARE_OAUTH_CLIENT_ID",
        "CLOUDFLARE_OAUTH_CLIENT_SECRET",
        "CLOUDFLARE_OAUTH_URL",
        "CLOUDFLARE_TOKEN",
        "CLOUDFLARE_URL",
        "DATABASE_POOL",
        "DATABASE_URL",
        "DATA_DIR",
        "EGRESS",
        "ENVIRONMENT",
        "LOG_FORMAT",
        "METRICS_PORT",
        "PROCESSES",
        "PUBLIC_URL",
        "REDIS_ANSWER_SECONDS",
        "REDIS_STATE",
        "REDIS_URL",
        "SECRET_KEYS",
        "SHOPIFY_CLIENT_ID",
        "SHOPIFY_CLIENT_SECRET",
        "STAFF_ACCESS_AUDIENCE",
        "STAFF_ACCESS_TEAM",
        "STAFF_LOCAL",
        "STAFF_OIDC_CLIENT_ID",
        "STAFF_OIDC_CLIENT_SECRET",
        "STAFF_OIDC_DOMAIN",
        "STAFF_OIDC_ISSUER",
        "STAFF_ROLES",
        "STALE_SECONDS",
        "SUPPORT_ADDRESS",
        "SYNC_IN_WEB",
        "WATCH_SECONDS",
        "AUDIT_LOG_SECONDS",
        "API_READS_PER_MINUTE",
        "SOCKETS_PER_ADDRESS",
        "SOCKETS_BEFORE_SIGN_IN",
    )
)
"""Every setting that `config.load` reads."""

_OF_TESTS = re.compile(rf"{PREFIX}_(TEST_\w+|BENCH_\w+|EXAMPLES|CHROMIUM|EXPLORE|SCREENSHOTS)")
_OF_KUBERNETES = re.compile(rf"{PREFIX}\w*?(_SERVICE_(HOST|PORT)\w*|_PORT_\d+_(TCP|UDP)\w*)")
"""What Kubernetes sets in every pod beside a service of that name."""

LONGEST_NAME = 60


class UnreadableFile(Exception):
    """The file is there and cannot be used; the message names it."""


def read(file: Path) -> dict[str, str]:
    """Read the variables of a `.env` file; none when there is no such file."""
    if file.is_dir() or not file.exists():
        return {}
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableFile(f"{file.absolute()} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UnreadableFile(f"{file.absolute()}: {file.name} isn't UTF-8; save it as UTF-8")
    found = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in found.items() if value is not None}


def unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Describe the variables that look like a setting and are none, each with the nearest name that is one."""
    return tuple(
        _described(name)
        for name, value in sorted(environ.items())
        if _looks_like_a_setting(name) and not _is_of_others(name, value)
    )


def _looks_like_a_setting(name: str) -> bool:
    return visible_text(name).upper().startswith(PREFIX) and name not in KNOWN


def _is_of_others(name: str, value: str) -> bool:
    is_link = name.endswith("_PORT") and value.startswith(("tcp://", "udp://"))
    return is_link or bool(_OF_TESTS.fullmatch(name) or _OF_KUBERNETES.fullmatch(name))


def _described(name: str) -> str:
    shown = ascii(name[:LONGEST_NAME])[1:-1]
    wanted = visible_text(name).upper().replace("-", "_").removeprefix(PREFIX).strip("_")
    near = get_close_matches(wanted, sorted(one.removeprefix(f"{PREFIX}_") for one in KNOWN), 1)
    return f"{shown} isn't a setting" + (f"; did you mean {PREFIX}_{near[0]}?" if near else "")
