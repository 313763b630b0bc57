"""The sentences of the page: each constant is defined once."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from cloudcache.ui import wording

UI = Path(wording.__file__).parent


def assigned_names(module: Path) -> list[str]:
    """The names that a module assigns at its top level, once per assignment."""
    names: list[str] = []
    for node in ast.parse(module.read_text()).body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


@pytest.mark.parametrize("module", sorted(UI.rglob("*.py")), ids=lambda path: str(path.relative_to(UI)))
def test_no_constant_of_the_page_is_defined_twice(module: Path):
    counts = Counter(assigned_names(module))

    assert [name for name, count in counts.items() if count > 1] == []


def test_silent_cloudflare_is_not_a_store_that_is_held_back():
    assert wording.SILENT_MARK == "Waiting for Cloudflare"
    assert wording.SILENT_MARK != wording.WAITING
