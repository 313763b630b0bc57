"""The settings: one frozen object, read once from the environment and an optional `.env` file.

With no configuration at all everything is local: SQLite, the emulator as Cloudflare, demo shops. Outside the
local environment a missing or weak secret stops the start with one clear line.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from cloudcache import config_values, env_file
from cloudcache.config_values import ConfigError
from cloudcache.domain.access import Role

__all__ = ["ConfigError", "Settings", "load"]

CLOUDFLARE = "https://api.cloudflare.com/client/v4"
CLOUDFLARE_OAUTH = "https://dash.cloudflare.com/oauth2"
EMULATOR = "emulator"
PRETEND_SHOPIFY = "pretend-shopify-app"
ENVIRONMENTS = ("local", "preview", "staging", "production")
KEY_LENGTH = 32
SHORTEST_SECRET = 20
MOST_PROCESSES = 80


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between installations; secrets are not shown by `repr`."""

    environment: str
    """CLOUDCACHE_ENVIRONMENT: local, preview, staging or production."""

    data_dir: Path
    """CLOUDCACHE_DATA_DIR: where the local environment keeps its files."""

    database_url: str = field(repr=False)
    """CLOUDCACHE_DATABASE_URL: sqlite:///path or postgresql://user:password@host/name."""

    redis_url: str | None = field(repr=False)
    """CLOUDCACHE_REDIS_URL: redis://host:port/0; with it any number of processes work together."""

    redis_answer_seconds: int
    """CLOUDCACHE_REDIS_ANSWER_SECONDS: without an answer for so long Redis counts as unavailable."""

    redis_state: bool
    """CLOUDCACHE_REDIS_STATE: whether Reflex keeps the pages' states in Redis, or each process its own."""

    processes: int
    """CLOUDCACHE_PROCESSES: how many run at most, web and sync; sizes each one's share while Redis is away."""

    egress: str
    """CLOUDCACHE_EGRESS: names the address that calls come from; who shares it shares its 200 calls a second."""
    database_pool: int
    """CLOUDCACHE_DATABASE_POOL: connections that one process opens at most."""

    cloudflare_url: str
    """CLOUDCACHE_CLOUDFLARE_URL: the API's address, or `emulator`."""

    cloudflare_token: str | None = field(repr=False)
    """CLOUDCACHE_CLOUDFLARE_TOKEN: the token for customers without one of their own."""

    batch_read: bool
    """CLOUDCACHE_CLOUDFLARE_BATCH_READ: whether one call may read 33 settings (until it is withdrawn)."""

    secret_keys: tuple[str, ...] = field(repr=False)
    """CLOUDCACHE_SECRET_KEYS: newest first, separated by commas; seal credentials and sign sessions."""

    public_url: str | None
    """CLOUDCACHE_PUBLIC_URL: where browsers reach the app; the only origin its socket accepts."""

    shopify_client_id: str
    """CLOUDCACHE_SHOPIFY_CLIENT_ID: the app's id at Shopify."""

    shopify_secrets: tuple[str, ...] = field(repr=False)
    """CLOUDCACHE_SHOPIFY_CLIENT_SECRET: the app's secret; newest first, separated by commas, while it is rotated."""

    oauth_client_id: str | None
    """CLOUDCACHE_CLOUDFLARE_OAUTH_CLIENT_ID: our client at Cloudflare; with it merchants need not paste a token."""

    oauth_client_secret: str | None = field(repr=False)
    """CLOUDCACHE_CLOUDFLARE_OAUTH_CLIENT_SECRET: its secret."""

    oauth_url: str
    """CLOUDCACHE_CLOUDFLARE_OAUTH_URL: Cloudflare's address for it."""

    staff_oidc_issuer: str | None
    """CLOUDCACHE_STAFF_OIDC_ISSUER: the OpenID Connect provider that support staff sign in with."""

    staff_oidc_client_id: str | None
    """CLOUDCACHE_STAFF_OIDC_CLIENT_ID: our client there."""

    staff_oidc_client_secret: str | None = field(repr=False)
    """CLOUDCACHE_STAFF_OIDC_CLIENT_SECRET: its secret."""

    staff_oidc_domain: str | None
    """CLOUDCACHE_STAFF_OIDC_DOMAIN: the hosted domain (`hd`) that a member of the staff must belong to."""

    staff_access_team: str | None
    """CLOUDCACHE_STAFF_ACCESS_TEAM: Cloudflare Access in front instead: https://TEAM.cloudflareaccess.com."""

    staff_access_audience: str | None
    """CLOUDCACHE_STAFF_ACCESS_AUDIENCE: the audience tag of the Access application."""

    staff_roles: dict[str, Role]
    """CLOUDCACHE_STAFF_ROLES: `sub=role`, separated by commas; others are given by `cloudcache staff`."""

    support_address: str | None
    """CLOUDCACHE_SUPPORT_ADDRESS: where merchants reach support, shown to shops that the rollout lets wait."""

    sync_in_web: bool
    """CLOUDCACHE_SYNC_IN_WEB: whether the web process also runs the jobs that keep the cache fresh."""

    stale_seconds: int
    """CLOUDCACHE_STALE_SECONDS: a page opened with a value older than this has its zone read again."""

    watch_seconds: int
    """CLOUDCACHE_WATCH_SECONDS: how often the zone of an open page is read again."""

    audit_log_seconds: int
    """CLOUDCACHE_AUDIT_LOG_SECONDS: how often the audit log of an open page's account is read."""

    sockets_per_address: int
    """CLOUDCACHE_SOCKETS_PER_ADDRESS: how many open pages a client address may have at once in a process."""

    sockets_before_sign_in: int
    """CLOUDCACHE_SOCKETS_BEFORE_SIGN_IN: how many of them before anybody signed in."""

    api_reads_per_minute: int
    """CLOUDCACHE_API_READS_PER_MINUTE: how many reads a store's scripts may make through the REST API in a minute."""

    log_format: str
    """CLOUDCACHE_LOG_FORMAT: text or json, one object a line."""

    metrics_address: tuple[str, int] | None
    """CLOUDCACHE_METRICS_PORT: port, or host:port, at which a process serves its metrics, apart from the pages."""

    unknown: tuple[str, ...] = ()
    """Variables that look like a setting and are none, each in a sentence; told at the start and by `doctor`."""

    @property
    def is_local(self) -> bool:
        """Whether the development sign-in and the demo world exist."""
        return self.environment == "local"

    @property
    def shows_metrics(self) -> bool:
        """Whether metrics are served beside the pages: locally, as long as they have no port of their own."""
        return self.is_local and self.metrics_address is None

    @property
    def plays_shopify(self) -> bool:
        """Whether Shopify is the built-in pretend one."""
        return self.is_local and self.shopify_client_id == PRETEND_SHOPIFY

    @property
    def uses_emulator(self) -> bool:
        """Whether Cloudflare is the built-in emulator."""
        return self.cloudflare_url == EMULATOR


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process: the environment, over a `.env` file in the working directory."""
    if environ is None:
        environ = {**_env_file(), **os.environ}
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    environment = config_values.one_of(given, "CLOUDCACHE_ENVIRONMENT", ENVIRONMENTS, "local")
    local = environment == "local"
    data_dir = Path(given.get("CLOUDCACHE_DATA_DIR", ".cloudcache")).absolute()
    database_url = given.get("CLOUDCACHE_DATABASE_URL", "")
    token = config_values.token(given, "CLOUDCACHE_CLOUDFLARE_TOKEN")
    if not database_url and not local:
        raise ConfigError("CLOUDCACHE_DATABASE_URL isn't set; it's required outside the local environment")
    cloudflare_url = given.get("CLOUDCACHE_CLOUDFLARE_URL", EMULATOR if local and not token else CLOUDFLARE)
    if cloudflare_url == EMULATOR and not local:
        raise ConfigError("CLOUDCACHE_CLOUDFLARE_URL=emulator is for the local environment only")
    _encrypted_unless_here(cloudflare_url)
    secret_keys = _secret_keys(given, local, data_dir)
    client_id, secrets_ = _shopify(given, local, secret_keys)
    if given.get("CLOUDCACHE_STAFF_LOCAL", "off") != "off" and not local:
        raise ConfigError("CLOUDCACHE_STAFF_LOCAL is for the local environment only")
    return Settings(
        environment=environment,
        data_dir=data_dir,
        database_url=database_url or f"sqlite:///{data_dir / 'cloudcache.db'}",
        redis_url=_redis_url(given),
        redis_answer_seconds=config_values.whole(given, "CLOUDCACHE_REDIS_ANSWER_SECONDS", 1, "seconds"),
        redis_state=config_values.switch(given, "CLOUDCACHE_REDIS_STATE", False),
        processes=_processes(given),
        egress=given.get("CLOUDCACHE_EGRESS", socket.gethostname()),
        database_pool=config_values.whole(given, "CLOUDCACHE_DATABASE_POOL", 10, "connections"),
        cloudflare_url=cloudflare_url.rstrip("/"),
        cloudflare_token=token,
        batch_read=config_values.switch(given, "CLOUDCACHE_CLOUDFLARE_BATCH_READ", True),
        secret_keys=secret_keys,
        public_url=_public_url(given, local),
        shopify_client_id=client_id,
        shopify_secrets=secrets_,
        oauth_client_id=given.get("CLOUDCACHE_CLOUDFLARE_OAUTH_CLIENT_ID"),
        oauth_client_secret=config_values.pair(given, "CLOUDCACHE_CLOUDFLARE_OAUTH_CLIENT_"),
        oauth_url=given.get("CLOUDCACHE_CLOUDFLARE_OAUTH_URL", CLOUDFLARE_OAUTH).rstrip("/"),
        staff_oidc_issuer=config_values.together(
            given, "CLOUDCACHE_STAFF_OIDC_ISSUER", "CLOUDCACHE_STAFF_OIDC_CLIENT_ID"
        ),
        staff_oidc_client_id=given.get("CLOUDCACHE_STAFF_OIDC_CLIENT_ID"),
        staff_oidc_client_secret=config_values.pair(given, "CLOUDCACHE_STAFF_OIDC_CLIENT_"),
        staff_oidc_domain=given.get("CLOUDCACHE_STAFF_OIDC_DOMAIN"),
        staff_access_team=config_values.together(
            given, "CLOUDCACHE_STAFF_ACCESS_TEAM", "CLOUDCACHE_STAFF_ACCESS_AUDIENCE"
        ),
        staff_access_audience=given.get("CLOUDCACHE_STAFF_ACCESS_AUDIENCE"),
        staff_roles=_roles(given.get("CLOUDCACHE_STAFF_ROLES", "")),
        support_address=_support(given.get("CLOUDCACHE_SUPPORT_ADDRESS")),
        sync_in_web=config_values.switch(given, "CLOUDCACHE_SYNC_IN_WEB", local),
        stale_seconds=config_values.whole(given, "CLOUDCACHE_STALE_SECONDS", 3600, "seconds"),
        watch_seconds=config_values.whole(given, "CLOUDCACHE_WATCH_SECONDS", 60, "seconds"),
        sockets_per_address=config_values.whole(given, "CLOUDCACHE_SOCKETS_PER_ADDRESS", 2_000, "sockets"),
        sockets_before_sign_in=config_values.whole(
            given, "CLOUDCACHE_SOCKETS_BEFORE_SIGN_IN", 100, "sockets"
        ),
        audit_log_seconds=config_values.whole(given, "CLOUDCACHE_AUDIT_LOG_SECONDS", 15, "seconds"),
        api_reads_per_minute=config_values.whole(given, "CLOUDCACHE_API_READS_PER_MINUTE", 600, "reads"),
        log_format=config_values.one_of(
            given, "CLOUDCACHE_LOG_FORMAT", ("text", "json"), "text" if local else "json"
        ),
        metrics_address=config_values.address(given, "CLOUDCACHE_METRICS_PORT"),
        unknown=env_file.unknown(environ),
    )


def _env_file() -> dict[str, str]:
    try:
        return env_file.read(Path(".env"))
    except env_file.UnreadableFile as error:
        raise ConfigError(str(error)) from None


def _shopify(given: Mapping[str, str], local: bool, keys: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The app at Shopify. Locally, without one, a pretend Shopify signs with a secret made from our own key."""
    client_id = given.get("CLOUDCACHE_SHOPIFY_CLIENT_ID")
    text = given.get("CLOUDCACHE_SHOPIFY_CLIENT_SECRET", "")
    found = tuple(one.strip() for one in text.split(",") if one.strip())
    if client_id is None and not found and local:
        return PRETEND_SHOPIFY, (
            blake2b(keys[0].encode(), person=b"pretend shopify", digest_size=24).hexdigest(),
        )
    if client_id is None:
        raise ConfigError("CLOUDCACHE_SHOPIFY_CLIENT_ID isn't set; merchants sign in through Shopify")
    if not found:
        raise ConfigError("CLOUDCACHE_SHOPIFY_CLIENT_SECRET isn't set; it verifies who signs in")
    if any(len(one) < SHORTEST_SECRET or len(set(one)) < 8 for one in found):
        raise ConfigError("CLOUDCACHE_SHOPIFY_CLIENT_SECRET is too weak; use the one that Shopify created")
    return client_id, found


def _public_url(given: Mapping[str, str], local: bool) -> str | None:
    url = given.get("CLOUDCACHE_PUBLIC_URL")
    if url is None and not local:
        raise ConfigError("CLOUDCACHE_PUBLIC_URL isn't set; requests from other origins are refused")
    if url is not None and config_values.scheme("CLOUDCACHE_PUBLIC_URL", url) != "https" and not local:
        raise ConfigError("CLOUDCACHE_PUBLIC_URL must begin with https:// outside the local environment")
    return url.rstrip("/") if url else None


def _roles(text: str) -> dict[str, Role]:
    found: dict[str, Role] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        who, _, name = part.rpartition("=")
        role = Role.named(name)
        if not who or role is None:
            raise ConfigError(
                f"CLOUDCACHE_STAFF_ROLES: {config_values.shown(part)} isn't SUB=viewer, SUB=operator, or SUB=admin"
            )
        found[who.strip()] = role
    return found


def _encrypted_unless_here(url: str) -> None:
    """A token must not travel in the clear; plain http is for an emulator on this machine."""
    scheme = config_values.scheme("CLOUDCACHE_CLOUDFLARE_URL", url)
    if scheme not in ("https", "http") and url != EMULATOR:
        raise ConfigError(f"CLOUDCACHE_CLOUDFLARE_URL must begin with https://, or be {EMULATOR}")
    if scheme == "http" and urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigError("CLOUDCACHE_CLOUDFLARE_URL must begin with https:// unless it's on this machine")


def _support(address: str | None) -> str | None:
    """An https:// page, or a mail address, which becomes a link to write to it."""
    if address is None or address.startswith("https://"):
        return address
    if re.fullmatch(r"[^@\s:/?&]+@[^@\s:/?&]+", address):
        return f"mailto:{address}"
    raise ConfigError("CLOUDCACHE_SUPPORT_ADDRESS must be an email address or begin with https://")


def _processes(given: Mapping[str, str]) -> int:
    most = config_values.whole(given, "CLOUDCACHE_PROCESSES", 8, "processes")
    if most > MOST_PROCESSES:
        raise ConfigError(
            f"CLOUDCACHE_PROCESSES is {most}; with more than {MOST_PROCESSES} there's no share left for each process"
        )
    return most


def _redis_url(given: Mapping[str, str]) -> str | None:
    url = given.get("CLOUDCACHE_REDIS_URL")
    if url is not None and config_values.scheme("CLOUDCACHE_REDIS_URL", url) not in (
        "redis",
        "rediss",
        "unix",
    ):
        raise ConfigError("CLOUDCACHE_REDIS_URL must begin with redis://, rediss:// or unix://")
    return url


def _secret_keys(given: Mapping[str, str], local: bool, data_dir: Path) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in given.get("CLOUDCACHE_SECRET_KEYS", "").split(",") if key.strip())
    if not keys and local:
        return (_local_key(data_dir / "secret.key"),)
    if not keys:
        raise ConfigError("CLOUDCACHE_SECRET_KEYS isn't set; set at least one random key of 32 characters")
    if any(len(key) < KEY_LENGTH or len(set(key)) < 10 for key in keys):
        raise ConfigError(
            "CLOUDCACHE_SECRET_KEYS contains a weak key; each key needs at least 32 random characters"
        )
    return keys


def _local_key(file: Path) -> str:
    """A key made on first use, readable by its owner only, so that a restarted demo knows its sessions."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)  # appears whole or not at all: two processes may start together
        draft.unlink()
        return file.read_text().strip()
    except OSError as error:
        raise ConfigError(f"can't keep a key in {file}: {error.strerror}") from None
