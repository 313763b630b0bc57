"""The `.env` file and the names in it: what cannot be read is named, what is no setting is told with the nearest."""

import re
from pathlib import Path

import pytest

from cloudcache import config, env_file, worker
from cloudcache.config import ConfigError, Settings, load

TOKEN = "cfat_" + "Ab3_" * 9 + "x-Z0"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in config.os.environ if name.upper().startswith("CLOUDCACHE")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_file_in_utf_16_is_named_with_the_remedy(folder: Path, encoding: str):
    (folder / ".env").write_text(f"CLOUDCACHE_CLOUDFLARE_TOKEN={TOKEN}\n", encoding)

    with pytest.raises(ConfigError) as caught:
        load()

    assert str(caught.value) == f"{folder / '.env'}: .env isn't UTF-8; save it as UTF-8"


def test_file_in_latin_1_is_named_with_the_remedy(folder: Path):
    (folder / ".env").write_bytes("# Schlüssel\nCLOUDCACHE_EGRESS=x\n".encode("latin-1"))

    with pytest.raises(ConfigError, match=r"\.env isn't UTF-8; save it as UTF-8"):
        load()


def test_file_with_a_byte_order_mark_and_crlf_is_read(folder: Path):
    (folder / ".env").write_bytes(b"\xef\xbb\xbfCLOUDCACHE_EGRESS=here\r\nCLOUDCACHE_PROCESSES=3\r\n")

    settings = load()

    assert (settings.egress, settings.processes, settings.unknown) == ("here", 3, ())


def test_folder_of_that_name_is_no_file(folder: Path):
    (folder / ".env").mkdir()

    assert load().is_local


def test_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / ".env").write_text("CLOUDCACHE_EGRESS=file\n")
    monkeypatch.setenv("CLOUDCACHE_EGRESS", "environment")

    assert load().egress == "environment"


@pytest.mark.parametrize(
    "text", [f"Bearer {TOKEN}", f"'{TOKEN}'", f'"Bearer {TOKEN}"', f"\ufeff{TOKEN}\u200b", f"“{TOKEN}”"]
)
def test_token_in_the_file_is_cleaned(folder: Path, text: str):
    (folder / ".env").write_text(f"CLOUDCACHE_CLOUDFLARE_TOKEN={text}\n")

    assert load().cloudflare_token == TOKEN


@pytest.mark.parametrize(
    "text",
    [
        "Bearer",
        '""',
        f"{TOKEN[:9]} {TOKEN[9:]}",
        f"{TOKEN}\u00e9",
        f"{TOKEN},{TOKEN[:-1]}",
        "$CLOUDFLARE_TOKEN",
    ],
)
def test_wrong_token_names_its_variable_and_repeats_nothing(text: str):
    with pytest.raises(ConfigError) as caught:
        load({"CLOUDCACHE_CLOUDFLARE_TOKEN": text})

    assert str(caught.value).startswith("CLOUDCACHE_CLOUDFLARE_TOKEN: ")
    assert TOKEN[:9] not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("CLOUDCACHE_CLOUDFLARE_TOKN", "CLOUDCACHE_CLOUDFLARE_TOKEN"),
        ("CLOUDCACHE_CLOUDFARE_TOKEN", "CLOUDCACHE_CLOUDFLARE_TOKEN"),
        ("cloudcache_environment", "CLOUDCACHE_ENVIRONMENT"),
        ("\ufeffCLOUDCACHE_REDIS_URL", "CLOUDCACHE_REDIS_URL"),
        ("CLOUDCACHE-DATABASE-URL", "CLOUDCACHE_DATABASE_URL"),
        ("CLOUDCACHE_SECRET_KEY", "CLOUDCACHE_SECRET_KEYS"),
    ],
)
def test_mistyped_name_is_told_with_the_nearest_setting(tmp_path: Path, name: str, near: str):
    settings = load({"CLOUDCACHE_DATA_DIR": str(tmp_path), name: "hidden-value"})

    (told,) = settings.unknown
    assert told.endswith(f"isn't a setting; did you mean {near}?") and "hidden-value" not in told


def test_worker_tells_a_mistyped_name_at_its_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def work(settings: Settings) -> None:
        started.append(settings)

    started: list[Settings] = []
    told: list[str] = []
    monkeypatch.setenv("CLOUDCACHE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CLOUDCACHE_ENVIROMENT", "production")
    monkeypatch.setattr(worker, "work", work)
    monkeypatch.setattr(worker.logs, "configure", lambda *what, **more: None)
    monkeypatch.setattr(worker.log, "warning", told.append)

    assert worker.main() == 0

    assert told == ["CLOUDCACHE_ENVIROMENT isn't a setting; did you mean CLOUDCACHE_ENVIRONMENT?"]
    assert len(started) == 1


def test_name_near_no_setting_is_told_alone():
    assert env_file.unknown({"CLOUDCACHE_XYZZY": "1"}) == ("CLOUDCACHE_XYZZY isn't a setting",)


def test_what_others_set_is_not_told():
    others = {
        "PATH": "/bin",
        "CLOUDCACHE_SERVICE_HOST": "10.0.0.1",
        "CLOUDCACHE_WEB_SERVICE_PORT_HTTP": "80",
        "CLOUDCACHE_PORT": "tcp://10.0.0.1:80",
        "CLOUDCACHE_PORT_80_TCP_ADDR": "10.0.0.1",
        "CLOUDCACHE_TEST_POSTGRES_URL": "x",
    }

    assert env_file.unknown(others | dict.fromkeys(env_file.KNOWN, "x")) == ()


def test_known_names_are_those_that_are_read():
    source = Path(config.__file__).read_text()
    read = set(re.findall(r'"(CLOUDCACHE_\w*[A-Z])"', source))
    read |= {"CLOUDCACHE_CLOUDFLARE_OAUTH_CLIENT_SECRET", "CLOUDCACHE_STAFF_OIDC_CLIENT_SECRET"}

    assert read == env_file.KNOWN


HOSTILE = [
    "\u00b2",
    "-1",
    "9" * 5000,
    "http://[",
    "redis://host:port",
    "\ufeff",
    "x" * 100_000,
    "\udcff",
    "://",
    "a=b",
    "\x1b[2J",
]


@pytest.mark.parametrize("name", sorted(env_file.KNOWN - {"CLOUDCACHE_DATA_DIR"}))
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_any_value_is_taken_or_refused_with_its_name(tmp_path: Path, name: str, value: str):
    try:
        load({"CLOUDCACHE_DATA_DIR": str(tmp_path), name: value})
    except ConfigError as error:
        text = str(error)
        assert name.rsplit("_", 1)[0] in text and len(text) < 400 and text.isprintable()
