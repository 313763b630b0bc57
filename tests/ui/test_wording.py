"""The sentences of the page, and the rule that no module-level constant is defined twice."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import cloudcache.ui
from cloudcache.ui import wording

PROGRAM = Path(cloudcache.ui.__file__).parents[1]
WORDING = Path(wording.__file__).parent


def assigned_names(statements: list[ast.stmt]) -> Iterator[str]:
    """The names that statements of a module assign, once per assignment; branches exclude each other."""
    for node in statements:
        if isinstance(node, ast.Assign):
            yield from (
                name.id for one in node.targets for name in ast.walk(one) if isinstance(name, ast.Name)
            )
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.With | ast.For):
            yield from assigned_names(node.body)
        elif isinstance(node, ast.If):
            yield from set(assigned_names(node.body)) | set(assigned_names(node.orelse))
        elif isinstance(node, ast.Try):
            handlers = [statement for handler in node.handlers for statement in handler.body]
            yield from set(assigned_names(node.body)) | set(assigned_names(handlers))


def defined_twice(source: str) -> list[str]:
    counts = Counter(assigned_names(ast.parse(source).body))
    return [name for name, count in counts.items() if count > 1]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("A = 1\nA = 2", ["A"]),
        ("A: int = 1\nB = 1\nA = 2", ["A"]),
        ("A, B = 1, 2\nB = 1", ["B"]),
        ("def a(): ...\na = 1", ["a"]),
        ("try:\n    import a\nexcept ImportError:\n    a = None\nA = 1", []),
        ("if A:\n    B = 1\nelse:\n    B = 2", []),
        ("if A:\n    B = 1\nB = 2", ["B"]),
    ],
)
def test_second_definition_is_noticed(source: str, names: list[str]):
    assert defined_twice(source) == names


def test_no_module_defines_a_name_twice():
    twice = {
        str(path.relative_to(PROGRAM)): defined_twice(path.read_text()) for path in PROGRAM.rglob("*.py")
    }

    assert len(twice) > 200
    assert {path: names for path, names in twice.items() if names} == {}


def test_a_sentence_has_one_module():
    modules = [path for path in WORDING.glob("*.py") if path.name != "__init__.py"]
    counts = Counter(name for path in modules for name in assigned_names(ast.parse(path.read_text()).body))

    assert len(modules) > 10
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_sentence_is_used():
    words = Counter(word for path in PROGRAM.rglob("*.py") for word in re.findall(r"\w+", path.read_text()))
    unused = [
        f"{path.stem}.{name}"
        for path in WORDING.glob("*.py")
        if path.name != "__init__.py"
        for name in assigned_names(ast.parse(path.read_text()).body)
        if words[name] < 2
    ]

    assert unused == []


def test_silent_cloudflare_is_not_a_store_that_is_held_back():
    assert wording.status.SILENT_MARK == "Waiting for Cloudflare"
    assert wording.status.SILENT_MARK != wording.rollout.WAITING
