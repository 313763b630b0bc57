"""How the page speaks: American English in the voice of Shopify, each sentence in one place or in the catalog."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cloudcache.domain.catalog
from cloudcache.domain.catalog import TOGGLES
from cloudcache.ui import wording

WORDING = Path(wording.__file__).parent
CATALOG = Path(cloudcache.domain.catalog.__file__).parent
UI = WORDING.parent
WEB = UI.parent / "web"
MODULES = [*WORDING.glob("*.py"), *CATALOG.glob("entries/*.py"), CATALOG / "rules.py"]

BANNED = {
    "store": r"\b[Ss]hops?\b",
    "customers": r"\b[Ss]hoppers?\b",
    "images": r"\b[Pp]ictures?\b",
    "automatically": r"\bby (?:it|them)sel(?:f|ves)\b",
    "American spelling": r"(?i)\b(?:data )?centres?\b|\be-mails?\b|\bcancell(?:ed|ing)\b|\bcolours?\b|\bcatalogues?\b"
    r"|\blicences?\b|\bbehaviours?\b|\bfavourites?\b"
    r"|\b(?:author|optim|organ|recogn|synchron|custom|minim|normal)is(?:e|ed|es|ing|ation)\b",
    "a contraction": r"(?i)\b(?:can|do|does|did|is|are|was|were|has|have|had|will|would|could|should) ?not\b"
    r"|\b(?:it|that|there) is\b|\b(?:you|we|they) are\b|\b(?:you|we) will\b",
    "can or might": r"\b[Mm]ay\b",
    "no please": r"(?i)\bplease\b",
    "Try again": r"(?i)\bretry\b",
    "turn on": r"(?i)\benable\b",
    "audit log": r"(?i)\bchange log\b",
    "outside this app": r"(?i)\belsewhere\b|\bsomeone else\b",
    "in Cloudflare": r"\bat Cloudflare\b",
    "API tokens": r"(?i)\btokens? for scripts\b",
    "needs attention": r"(?i)\bneeds? a look\b",
    "a curly apostrophe or quotation mark": r"['\"]",
    "calm": r"!",
}


def sentences(source: str) -> Iterator[str]:
    """The texts of a module, without its docstrings and what it only compares or looks up with."""
    tree = ast.parse(source)
    keys: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            keys.add(id(node.value))
        elif isinstance(node, ast.Dict):
            keys.update(id(key) for key in node.keys)
        elif isinstance(node, ast.Compare):
            keys.update(id(part) for part in ast.walk(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            keys.update(id(argument) for argument in node.args[:1])
        elif isinstance(node, ast.Call) and is_log_line(node):
            keys.update(id(argument) for argument in node.args)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys:
            yield node.value


def is_log_line(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "log"


def faults(text: str) -> list[str]:
    """What the house style says instead of something in this text."""
    return [instead for instead, pattern in BANNED.items() if re.search(pattern, text)]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("Your shop", ["store"]),
        ("Your Shopify admin and shopping feeds", []),
        ("customers add SHOP", []),
        ("Your shoppers’ pictures", ["customers", "images"]),
        ("It ends by itself", ["automatically"]),
        ("The data centre was cancelled", ["American spelling"]),
        ("Cloudflare cannot do it", ["a contraction"]),
        ("This isn't it", ["a curly apostrophe or quotation mark"]),
        ("You may retry", ["can or might", "Try again"]),
        ("We can’t load your store’s images right now", []),
    ],
)
def test_house_style_is_noticed(text: str, instead: list[str]):
    assert faults(text) == instead


def test_sentences_keep_to_the_house_style():
    texts = [(path.name, text) for path in MODULES for text in sentences(path.read_text())]

    assert len(texts) > 500
    assert [(name, text, faults(text)) for name, text in texts if faults(text)] == []


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_texts_of_a_setting_are_sentences(toggle):
    asks = toggle.confirmation
    texts = [toggle.description, toggle.caution, toggle.behind_shopify.reason]
    texts += [asks.breaks, asks.way_back] if asks else []

    assert [text for text in texts if text and not re.fullmatch(r"[A-Z0-9].*\.", text)] == []


EMULATED = [UI.parent / "emulator" / f"{name}.py" for name in ("dashboard", "consent", "authorize")]
EMULATED.append(UI.parent / "shopify_emulator" / "app.py")


def test_answers_to_programs_keep_to_the_house_style():
    """Without the policies and markup among them: quotation marks only count within a word."""
    texts = [
        (path.name, re.sub(r"<[^<>]*>|(?<!\w)'|'(?!\w)|\"", "", text))
        for path in (*WEB.glob("*.py"), *EMULATED)
        for text in sentences(path.read_text())
        if " " in text and not text.startswith(("<!", "/*")) and "=>" not in text
    ]

    assert len(texts) > 80
    assert [(name, text, faults(text)) for name, text in texts if faults(text)] == []


CLI = [
    *(UI.parent / "cli").glob("*.py"),
    *(
        UI.parent / name
        for name in ("config.py", "env_file.py", "domain/token_text.py", "domain/onboarding.py")
    ),
    *(UI.parent / name for name in ("domain/predecessor.py", "domain/errors.py", "services/health.py")),
]
STRAIGHT = BANNED.keys() - {"a curly apostrophe or quotation mark", "calm"}


def test_commands_keep_to_the_house_style_with_the_apostrophes_of_a_keyboard():
    """`my-shop` and the column `shop` are data, and `SHOP` is an argument."""
    texts = [
        (path.name, re.sub(r"my-shop\S*|shop and zone_id|shop,", "", text))
        for path in CLI
        for text in [*sentences(path.read_text()), *command_help(path)]
        if " " in text
    ]
    wrong = [(name, text, STRAIGHT & set(faults(text))) for name, text in texts]

    assert len(texts) > 250
    assert [one for one in wrong if one[2] or "’" in one[1]] == []


def command_help(path: Path) -> Iterator[str]:
    """The docstrings that the commands print as their help: they have parameters with options."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and path.parent.name == "cli":
            is_command = "Annotated" in ast.unparse(node.args) or "AsJson" in ast.unparse(node.args)
            if is_command or any("command" in ast.unparse(one) for one in node.decorator_list):
                yield ast.get_docstring(node) or ""


def test_pages_take_their_sentences_from_one_place():
    found = {
        (path.name, text)
        for folder in ("pages", "components")
        for path in (UI / folder).glob("*.py")
        for text in sentences(path.read_text())
        if re.match(r"[A-Z][a-z]+( |$)", text) or "’" in text
    }

    assert found <= {("__init__.py", "Local")}
