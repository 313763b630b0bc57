"""All tokens: those that were added, and the generated ones, which are recognised by arithmetic."""

from __future__ import annotations

from cloudcache.emulator.generated import PLATFORM, Generated
from cloudcache.emulator.tokens import EVERY_PERMISSION, Token, token_id_of, user_id_of


class Registry:
    """Tokens by their text. A revoked one stays, so that it is not taken for a generated one again."""

    def __init__(self, generated: Generated) -> None:
        self._generated = generated
        self._tokens: dict[str, Token] = {}

    def __contains__(self, token_id: str) -> bool:
        return token_id in self._tokens

    def keep(self, token: Token) -> None:
        """Adds a token, or replaces the one with the same id."""
        self._tokens[token.id] = token

    def of_grant(self, grant_id: str) -> list[Token]:
        """The tokens that were issued for an OAuth grant."""
        return [token for token in self._tokens.values() if token.grant_id == grant_id]

    def find(self, text: str) -> Token | None:
        """What is known about a token, whatever its status."""
        token_id = token_id_of(text)
        known = self._tokens.get(token_id)
        if known is None:
            known = self._recognise(text, token_id)
            if known is not None:
                self._tokens[token_id] = known
        return known

    def _recognise(self, text: str, token_id: str) -> Token | None:
        meaning = self._generated.token_meaning(text)
        if meaning is None:
            return None
        kind, index = meaning
        is_platform = index == PLATFORM
        owner = "platform@example.com" if is_platform else f"owner-{index:06d}@example.com"
        email = owner if kind == "user" else ""
        return Token(
            id=token_id,
            kind=kind,
            accounts=None if is_platform else frozenset({self._generated.account_id(index)}),
            zones=None,
            permissions=EVERY_PERMISSION,
            status="active",
            user_id=user_id_of(email) if email else "",
            email=email,
            name=f"{kind} token of {owner}",
        )
