"""`staff`: who of the support staff may do what."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudcache.cli.parts import out, run
from cloudcache.domain.access import SYSTEM, Role
from cloudcache.wiring import Wiring

LONGEST_SUBJECT = 255

app = typer.Typer(no_args_is_help=True, help="Manage support staff and their roles.")


@app.callback()
def _group() -> None:
    """Keeps `role` a command of its own."""


@app.command()
def role(
    subject: Annotated[str, typer.Argument(help="The person's ID (sub). The support page shows it to them.")],
    name: Annotated[str, typer.Argument(help="viewer, operator, admin, or none.")],
) -> None:
    """Give a person a role, or remove it. Open sessions follow within a minute."""
    if not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise typer.BadParameter(f"the person's ID must have 1 to {LONGEST_SUBJECT} characters")
    given = Role.named(name)
    if given is None and name != "none":
        raise typer.BadParameter("the role must be viewer, operator, admin, or none")

    async def work(wiring: Wiring) -> None:
        await wiring.services.support.set_role(SYSTEM, subject, given)

    run(work)
    out.print(f"{subject}: {name}")
