"""Finds waits in tests whose outcome depends on how busy the machine is.

A test waits for an event, or asks another process again until it is so (`tests/support/waiting.py`). A limit only
ends what hangs, so it is a minute or more. Once an HTTP timeout of 0.05 s measured how long connecting took, and a
server that was given 40 s to start was late beside four busy loops: the suite was red, and the program was right.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST_S = 60
CLOCKS = {"perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time_ns", "process_time"}
BOUNDED = {"wait", "join", "result", "timeout", "wait_for", "acquire", "get"}
"""Methods whose number is a time limit."""

HTTP = {"AsyncClient", "Client", "get", "post", "put", "patch", "delete", "request", "stream"}
"""What `httpx` gives up after five seconds unless it is told otherwise."""


@dataclass(frozen=True, order=True)
class Wait:
    """One of them, and the innermost function it is in."""

    line: int
    function: str
    why: str


def waits(source: str) -> list[Wait]:
    """All that depend on the machine, in order."""
    tree = ast.parse(source)
    constants = {
        target.id: float(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and _is_number(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return sorted(_Finder(constants).found_in(tree))


class _Finder:
    def __init__(self, constants: dict[str, float]) -> None:
        self._constants = constants

    def found_in(self, node: ast.AST, function: str = "") -> Iterator[Wait]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.Call):
            for why in self._complaints(node):
                yield Wait(node.lineno, function, why)
        for child in ast.iter_child_nodes(node):
            yield from self.found_in(child, function)

    def _complaints(self, call: ast.Call) -> Iterator[str]:
        owner, name = _owner_and_name(call.func)
        given = {one.arg or "**": one.value for one in call.keywords}
        if name == "sleep" and owner in ("time", "asyncio") and self._number(call.args[0]) != 0:
            yield "sleeps"
        if name == "wait_for_timeout":
            yield "sleeps"
        if name in CLOCKS or (owner, name) == ("time", "time") or (name == "time" and "loop" in owner):
            yield "reads the machine's clock"
        if name == "settings" and "deadline" in given and not _is_none(given["deadline"]):
            yield "gives an example a deadline"
        checks = (
            ast.unparse(given["suppress_health_check"]) if "suppress_health_check" in given else "too_slow"
        )
        if "too_slow" not in checks and checks != "list(HealthCheck)":
            yield "limits how long it takes to make an example"
        if owner == "httpx" and name in HTTP and not given.keys() & {"timeout", "transport", "**"}:
            yield "keeps httpx's timeout of five seconds"
        if any(0 < limit < SHORTEST_S for limit in self._limits(name, call, given)):
            yield "has a time limit below a minute"

    def _limits(self, name: str, call: ast.Call, given: dict[str, ast.expr]) -> list[float]:
        """The numbers that are time limits. Zero does not wait at all."""
        values = [value for key, value in given.items() if key == "timeout"]
        values += call.args if name in BOUNDED else []
        return [number for one in values if (number := self._number(one)) is not None]

    def _number(self, value: ast.expr) -> float | None:
        if isinstance(value, ast.Name):
            return self._constants.get(value.id)
        return float(value.value) if _is_number(value) else None


def _owner_and_name(function: ast.expr) -> tuple[str, str]:
    """`asyncio.sleep` is ("asyncio", "sleep"); of a longer expression the owner is its source."""
    if isinstance(function, ast.Attribute):
        return ast.unparse(function.value), function.attr
    return "", function.id if isinstance(function, ast.Name) else ""


def _is_number(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
