"""Settings: local with none given, and strict everywhere else."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from cloudcache.config import CLOUDFLARE, ConfigError, Settings, load

KEY = "Zx9-" + "abcdefghijklmnopqrstuvwxyz0123456789"
PRODUCTION = {
    "CLOUDCACHE_ENVIRONMENT": "production",
    "CLOUDCACHE_DATABASE_URL": "postgresql://cache:pw-secret@db/cloudcache",
    "CLOUDCACHE_SECRET_KEYS": KEY,
    "CLOUDCACHE_SHOPIFY_CLIENT_ID": "app",
    "CLOUDCACHE_SHOPIFY_CLIENT_SECRET": "shpss_0123456789abcdef-hidden",
    "CLOUDCACHE_PUBLIC_URL": "https://app.example",
}


def test_nothing_given_is_local_with_the_emulator(tmp_path: Path):
    settings = load({"CLOUDCACHE_DATA_DIR": str(tmp_path)})

    assert settings.is_local and settings.uses_emulator and settings.sync_in_web
    assert len(settings.secret_keys[0]) >= 32


def test_the_local_key_is_kept_and_readable_by_its_owner_only(tmp_path: Path):
    first = load({"CLOUDCACHE_DATA_DIR": str(tmp_path)})
    second = load({"CLOUDCACHE_DATA_DIR": str(tmp_path)})

    assert first.secret_keys == second.secret_keys
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


def test_a_token_means_the_real_cloudflare(tmp_path: Path):
    settings = load({"CLOUDCACHE_DATA_DIR": str(tmp_path), "CLOUDCACHE_CLOUDFLARE_TOKEN": "cfut_x"})

    assert settings.cloudflare_url == CLOUDFLARE and not settings.uses_emulator


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"CLOUDCACHE_SECRET_KEYS": ""}, "CLOUDCACHE_SECRET_KEYS"),
        ({"CLOUDCACHE_SECRET_KEYS": "short"}, "CLOUDCACHE_SECRET_KEYS"),
        ({"CLOUDCACHE_SECRET_KEYS": "a" * 40}, "CLOUDCACHE_SECRET_KEYS"),
        ({"CLOUDCACHE_SECRET_KEYS": f"{KEY},weak"}, "CLOUDCACHE_SECRET_KEYS"),
        ({"CLOUDCACHE_DATABASE_URL": ""}, "CLOUDCACHE_DATABASE_URL"),
        ({"CLOUDCACHE_CLOUDFLARE_URL": "emulator"}, "CLOUDCACHE_CLOUDFLARE_URL"),
        ({"CLOUDCACHE_CLOUDFLARE_URL": "http://api.example/client/v4"}, "CLOUDCACHE_CLOUDFLARE_URL"),
        ({"CLOUDCACHE_SHOPIFY_CLIENT_ID": ""}, "CLOUDCACHE_SHOPIFY_CLIENT_ID"),
        ({"CLOUDCACHE_SHOPIFY_CLIENT_SECRET": ""}, "CLOUDCACHE_SHOPIFY_CLIENT_SECRET"),
        ({"CLOUDCACHE_SHOPIFY_CLIENT_SECRET": "hush"}, "CLOUDCACHE_SHOPIFY_CLIENT_SECRET"),
        ({"CLOUDCACHE_SHOPIFY_CLIENT_SECRET": "a" * 40}, "CLOUDCACHE_SHOPIFY_CLIENT_SECRET"),
        ({"CLOUDCACHE_PUBLIC_URL": ""}, "CLOUDCACHE_PUBLIC_URL"),
        ({"CLOUDCACHE_PUBLIC_URL": "http://app.example"}, "CLOUDCACHE_PUBLIC_URL"),
        ({"CLOUDCACHE_STAFF_LOCAL": "on"}, "CLOUDCACHE_STAFF_LOCAL"),
        ({"CLOUDCACHE_STAFF_ROLES": "kim=boss"}, "CLOUDCACHE_STAFF_ROLES"),
        ({"CLOUDCACHE_STAFF_OIDC_ISSUER": "https://id.example"}, "CLOUDCACHE_STAFF_OIDC_CLIENT_ID"),
        ({"CLOUDCACHE_STAFF_ACCESS_AUDIENCE": "tag"}, "CLOUDCACHE_STAFF_ACCESS_TEAM"),
        ({"CLOUDCACHE_CLOUDFLARE_OAUTH_CLIENT_ID": "x"}, "CLOUDCACHE_CLOUDFLARE_OAUTH_CLIENT_SECRET"),
        ({"CLOUDCACHE_ENVIRONMENT": "prod"}, "CLOUDCACHE_ENVIRONMENT"),
        ({"CLOUDCACHE_SYNC_IN_WEB": "yes"}, "CLOUDCACHE_SYNC_IN_WEB"),
        ({"CLOUDCACHE_WATCH_SECONDS": "0"}, "CLOUDCACHE_WATCH_SECONDS"),
        ({"CLOUDCACHE_STALE_SECONDS": "soon"}, "CLOUDCACHE_STALE_SECONDS"),
        ({"CLOUDCACHE_REDIS_ANSWER_SECONDS": "0.5"}, "CLOUDCACHE_REDIS_ANSWER_SECONDS"),
    ],
)
def test_outside_local_a_wrong_setting_stops_the_start_with_one_line(changed: dict[str, str], named: str):
    with pytest.raises(ConfigError) as caught:
        load({**PRODUCTION, **changed})

    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_no_secret_is_shown_by_the_settings(tmp_path: Path):
    settings = load({**PRODUCTION, "CLOUDCACHE_CLOUDFLARE_TOKEN": "cfut_hidden"})

    for secret in ("pw-secret", KEY, "cfut_hidden", "shpss_"):
        assert secret not in repr(settings)


def test_every_setting_is_in_the_readme():
    named = {name for one in fields(Settings) for name in re.findall(r"CLOUDCACHE_\w+", _doc(one.name))}
    readme = (Path(__file__).parents[2] / "README.md").read_text()

    assert named and not {name for name in named if name not in readme}


def _doc(name: str) -> str:
    source = (Path(__file__).parents[2] / "cloudcache" / "config.py").read_text()
    found = re.search(rf'\n    {name}:.*?\n    """(.*?)"""', source, re.DOTALL)
    assert found, f"setting {name} has no docstring"
    return found.group(1)
