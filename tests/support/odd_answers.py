"""Cloudflare's answers, altered on their way: what public bug reports tell of, and the emulator never sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tests.support.rig import Rig

Alter = Callable[[dict], object]
"""Changes an envelope in place; returns None, or another body in its place."""


@dataclass
class Rule:
    """Which answers are altered, and how often (None: for ever)."""

    path: str
    alter: Alter
    times: int | None = None

    def takes(self, request: httpx.Request) -> bool:
        """Whether this request's answer is one of them; counts it."""
        if request.method != "GET" or not re.search(self.path, request.url.path) or self.times == 0:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


class OddAnswers(httpx.AsyncBaseTransport):
    """Passes every request on, and alters the answers by its rules."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.rules: list[Rule] = []

    def alter(self, path: str, alter: Alter, *, times: int | None = None) -> None:
        """From now on answers to GETs whose path matches are altered."""
        self.rules.append(Rule(path, alter, times))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        rule = next((one for one in self.rules if one.takes(request)), None)
        if rule is None:
            return response
        envelope = json.loads(await response.aread())
        body = rule.alter(envelope)
        headers = {name: text for name, text in response.headers.items() if name != "content-length"}
        return httpx.Response(response.status_code, headers=headers, json=envelope if body is None else body)


def answer_oddly(rig: Rig) -> OddAnswers:
    """Put a transport that alters answers between a rig's client and its emulator."""
    line = rig.gateway._inner._line
    line._transport = OddAnswers(line._transport)
    return line._transport


def of_setting(setting: str, **fields: object) -> Alter:
    """Change fields of one setting's object, in the bulk list or alone; a field given as `...` is taken out."""

    def alter(envelope: dict) -> None:
        result = envelope["result"]
        for item in result if isinstance(result, list) else [result]:
            if item.get("id", setting) == setting:
                item.update({name: value for name, value in fields.items() if value is not ...})
                for name in [name for name, value in fields.items() if value is ...]:
                    item.pop(name, None)

    return alter


def without_id(*settings: str) -> Alter:
    """Take settings out of the bulk list."""

    def alter(envelope: dict) -> None:
        if isinstance(envelope["result"], list):
            envelope["result"] = [item for item in envelope["result"] if item["id"] not in settings]

    return alter


def without_field(name: str) -> Alter:
    """Take a field out of an endpoint's object."""

    def alter(envelope: dict) -> None:
        envelope["result"].pop(name)

    return alter
