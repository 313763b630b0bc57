"""Every sentence that a person reads on a page and that is not part of the catalog, one module per page.

Sentence case, no exclamation marks. Say the state, then what to do. "Turn on", never "enable".
"""

from cloudcache.ui.wording import (
    api_tokens,
    common,
    connect,
    grid,
    history,
    problems,
    reasons,
    rollout,
    rows,
    signin,
    staff,
    status,
    storefront,
    values,
    verdicts,
)

__all__ = [
    "api_tokens",
    "common",
    "connect",
    "grid",
    "history",
    "problems",
    "reasons",
    "rollout",
    "rows",
    "signin",
    "staff",
    "status",
    "storefront",
    "values",
    "verdicts",
]
