"""What people give to commands: tokens as they were copied, ids of another kind, names that mean something else."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import pytest

from cloudcache.local import NEW_TOKEN
from tests.support.commands import Commands

TOKEN = NEW_TOKEN.reveal()
ZONE = blake2b(b"kite", digest_size=16).hexdigest()
ACCOUNT = blake2b(b"paper-kite", digest_size=16).hexdigest()
OTHER_TOKEN = "cfat_" + "Ab3_" * 9 + "x-Z0"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """A register with the demo's shops; the shop `kite` has the zone that its token reaches."""
    run = Commands(tmp_path_factory.mktemp("commands"))
    added = run("customers", "add", "kite", "--zone", ZONE, "--own-token", stdin=TOKEN.encode())
    assert added.code == 0, added
    return run


PASTED = {
    "Bearer": f"Bearer {TOKEN}\n",
    "header": f"Authorization: bearer {TOKEN}",
    "byte order mark": f"\ufeff{TOKEN}\r\n",
    "zero-width signs": f"\u200b{TOKEN}\u200e\n",
    "curly quotes": f"\u201c{TOKEN}\u201d\n",
    "backticks": f"`{TOKEN}`\n",
    "curl": f"curl https://api.cloudflare.com/client/v4/user \\\n -H 'Authorization: Bearer {TOKEN}'\n",
    "export": f'export CF_TOKEN="{TOKEN}"\n',
    "JSON": f'{{"token": "{TOKEN}"}}\n',
}


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED.keys())
def test_pasted_token_is_taken_whatever_the_copy_brought_along(commands: Commands, text: str):
    added = commands("credentials", "add", "kite", stdin=text.encode())

    assert (added.code, added.err) == (0, "")
    assert "kite.myshopify.com" in added.out and TOKEN not in added.out


REFUSED = {
    "empty": b"",
    "empty line": b"\n",
    "mark only": b"\xef\xbb\xbf\n",
    "UTF-16": TOKEN.encode("utf-16"),
    "UTF-16 without a mark": TOKEN.encode("utf-16-le"),
    "two tokens": f"{TOKEN}\n{OTHER_TOKEN}\n".encode(),
    "accent": f"{TOKEN}\u00e9".encode(),
    "Latin-1": f"{TOKEN}\u00e9".encode("latin-1"),
    "variable": b"Bearer $CLOUDFLARE_API_TOKEN\n",
    "words": b"the token, please\n",
    "curl without one": b"curl https://api.cloudflare.com/client/v4/user\n",
    "global key": b"cfk_" + b"a1" * 20,
    "garbage": bytes(range(256)),
    "long": b"a" * 1_000_000,
}
TAKING_A_TOKEN = {
    "credentials add": ("credentials", "add", "kite"),
    "customers add": ("customers", "add", "another", "--zone", ZONE, "--own-token"),
    "kv-import": ("kv-import", "--zone", ZONE, "--account", ACCOUNT, "--namespace", ACCOUNT, "--token-stdin"),
}


@pytest.mark.parametrize("words", TAKING_A_TOKEN.values(), ids=TAKING_A_TOKEN.keys())
@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_unreadable_token_is_one_sentence(commands: Commands, words: tuple[str, ...], raw: bytes):
    ended = commands(*words, stdin=raw)

    assert (ended.code, ended.out, ended.escaped) == (1, "", None)
    assert ended.err.startswith("cloudcache: standard input: ") and len(ended.err.splitlines()) == 1
    assert TOKEN[5:20] not in ended.err


def test_token_that_cloudflare_does_not_know_is_said_in_a_sentence(commands: Commands):
    ended = commands("credentials", "add", "kite", stdin=OTHER_TOKEN.encode())

    assert ended.code == 1 and ended.err.startswith("cloudcache: Cloudflare doesn't accept the token")


def test_account_id_as_zone_id_is_said_in_a_sentence(commands: Commands):
    ended = commands("customers", "add", "x", "--zone", ACCOUNT, "--own-token", stdin=TOKEN.encode())

    assert ended.code == 1
    assert "The token can't find a zone with this ID in Cloudflare. An account ID looks the same" in ended.err


@pytest.mark.parametrize("zone", ["paperkite.example", "https://dash.cloudflare.com/x", "0" * 31, "", "zone"])
def test_name_as_zone_id_is_said_in_a_sentence(commands: Commands, zone: str):
    ended = commands("customers", "add", "x", "--zone", zone)

    assert ended.code == 1 and "not a zone ID" in ended.err and "32 hex digits" in ended.err


@pytest.mark.parametrize("zone", [f" {ZONE}\n", ZONE.upper(), f"\ufeff{ZONE}\u200b", f'"{ZONE}"'])
def test_zone_id_is_read_whatever_the_copy_brought_along(commands: Commands, zone: str):
    ended = commands("customers", "add", "kite", "--zone", zone, "--own-token", stdin=TOKEN.encode())

    assert ended.err == "cloudcache: this store or zone already exists\n"


@pytest.mark.parametrize("command", ["add", "show"])
def test_token_in_place_of_a_name_is_not_repeated(commands: Commands, command: str):
    more = ("--zone", OTHER_TOKEN) if command == "add" else ()
    ended = commands("customers", command, OTHER_TOKEN, *more)

    assert ended.code == 2 and OTHER_TOKEN[5:20] not in ended.err + ended.out
    assert "Tokens are read from standard input, never from an argument" in ended.err


@pytest.mark.parametrize(
    "name",
    [
        "kite",
        "https://kite.myshopify.com/admin",
        "admin.shopify.com/store/kite",
        "www.paperkite.example",
        f" {ZONE} ",
    ],
)
@pytest.mark.parametrize("words", [("customers", "show"), ("credentials", "verify"), ("sync", "--report")])
def test_customer_is_named_by_whatever_was_copied(commands: Commands, words: tuple[str, ...], name: str):
    ended = commands(*words, name, "--json")

    assert (ended.code, ended.err) == (0, "")
    assert "kite.myshopify.com" in ended.out


def test_name_that_looks_like_markup_is_printed_as_it_is(commands: Commands):
    ended = commands("staff", "role", "[/x] [bold]", "viewer")

    assert (ended.code, ended.out) == (0, "[/x] [bold]: viewer\n")


def test_mistyped_setting_is_named_by_doctor(commands: Commands):
    mistyped = Commands(commands.data, {"CLOUDCACHE_CLOUDFLARE_TOKN": TOKEN})

    ended = mistyped("doctor", "--json")

    assert ended.code == 1 and TOKEN not in ended.out
    assert (
        "CLOUDCACHE_CLOUDFLARE_TOKN isn't a setting; did you mean CLOUDCACHE_CLOUDFLARE_TOKEN?" in ended.out
    )


def test_file_in_utf_16_is_named_by_every_command(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("CLOUDCACHE_EGRESS=x\n", "utf-16")

    for words in (("customers", "list"), ("doctor",), ("worker",)):
        ended = commands(*words)
        assert (ended.code, ended.escaped) == (1, None)
        assert ended.err == f"cloudcache: {tmp_path / '.env'}: .env isn't UTF-8; save it as UTF-8\n"
