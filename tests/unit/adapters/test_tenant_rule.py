"""Nothing reads the tenants' tables without saying for whom, outside a short list of functions.

The incident this keeps out: a query for "the customer's token" that had lost its `WHERE`, and gave everybody's. The
rule looks at the source: each connection is opened for a customer or shop that the function was given, or for
`ACROSS_TENANTS` by one of the functions named here.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

DB = Path(__file__).resolve().parents[3] / "cloudcache" / "adapters" / "db"

ACROSS = {
    # the queue and the feeds are one for all
    *(
        "lease",
        "prolong",
        "release",
        "_watch",
        "_unwatch",
        "across_tenants_set_back",
        "across_tenants_add_all",
    ),
    *(
        "lease_feeds",
        "prolong_feeds",
        "_note",
        "_accepted",
        "feed_credential",
        "forget_entries",
        "extend",
        "keep",
        "adopt",
    ),
    # all the pages that are open in a process
    "heads",
    # counts and lists for operators
    *("across_tenants_ages", "across_tenants_counts", "across_tenants_depth", "across_tenants_drift"),
    *(
        "across_tenants_parked",
        "across_tenants_customers",
        "across_tenants_find",
        "across_tenants_containing",
    ),
    "across_tenants_pending",
    *("across_tenants_chains", "across_tenants_links"),
    # lists of customers, taken in and told
    *("across_tenants_taken", "across_tenants_take_in", "across_tenants_take_in_seen"),
    "across_tenants_registered",
    # sealed credentials, which are found by their own id
    *("_of_credential", "add_credential", "sealed_token", "replace_sealed", "across_tenants_sealed"),
    *("lock_credential", "_end_lease", "first_key", "replace_key", "record_of", "keep_token_id"),
    *("forget_waiting", "across_tenants_api_token", "forget_answers"),
    # refusals of one call, judged for all
    *("keep_batch_refusal", "forget_batch_refusals", "across_tenants_batch_refusals"),
    # suspensions, examined by any process; a token's are of all its zones
    *(
        "suspend_token",
        "resume_token",
        "across_tenants_due_suspensions",
        "put_off",
        "end_suspension",
        "across_tenants_gone",
    ),
    # a zone may have to be taken over from another shop; an erasure needs the order's own table
    *("connect_zone", "erase"),
    # the rules of the rollout, which are one for all; a named shop's line goes into its own chain
    *("rollout_revision", "across_tenants_rollout", "set_rollout_percent", "name_in_rollout"),
    *("across_tenants_shop_names", "across_tenants_wishes", "across_tenants_customer_of_zone"),
    # no tenant's tables at all
    *(
        "staff_role",
        "set_staff_role",
        "delivered",
        "forget_deliveries",
        "_migration",
        "check_role",
        "check_tables",
    ),
    *("across_tenants_shop_tokens", "across_tenants_to_erase"),
    "across_tenants_deliveries",
    *("breakers_of", "open_breakers", "record_failure", "record_success", "claim_try"),
}
TENANTS = {"customer", "shop", "whose", "chain", "zone.customer.id", "token.customer", "view.customer"}
TENANTS |= {"found.customer", "webhook.shop"}


def opened(source: str) -> dict[str, set[str]]:
    """For whom each function opens connections: the source text of the argument of `reading` and `writing`."""
    found: dict[str, set[str]] = {}
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and node.func.attr in ("reading", "writing", "_take"):
                told = ast.unparse(node.args[0]) if node.args else ""
                found.setdefault(function.name, set()).add(told)
    return found


def offences(source: str) -> list[str]:
    """What breaks the rule."""
    wrong = []
    for name, tenants in opened(source).items():
        for told in tenants:
            if told == "ACROSS_TENANTS" and name not in ACROSS:
                wrong.append(f"{name} looks across tenants and is not on the list")
            elif told != "ACROSS_TENANTS" and told not in TENANTS:
                wrong.append(f"{name} opens a connection for {told or 'nobody'}")
    return wrong


@pytest.mark.parametrize("file", sorted(DB.glob("*.py")), ids=lambda file: file.name)
def test_every_connection_is_opened_for_a_tenant_or_by_one_of_the_few(file: Path):
    assert offences(file.read_text(encoding="utf-8")) == []


def test_the_list_names_no_function_that_is_gone():
    used = {
        name
        for file in DB.glob("*.py")
        for name, tenants in opened(file.read_text(encoding="utf-8")).items()
        if "ACROSS_TENANTS" in tenants
    }

    assert used == ACROSS


@pytest.mark.parametrize(
    "body",
    [
        "async with self.database.reading(ACROSS_TENANTS) as c: pass",
        "async with self.database.reading() as c: pass",
        "async with self.database.writing('*') as c: pass",
        "async with self.database.writing(7) as c: pass",
        "async with self.database.reading(everybody) as c: pass",
    ],
)
def test_the_rule_itself_notices(body: str):
    assert offences(f"async def new_function(self, customer):\n    {body}\n")


def test_all_sql_is_in_one_folder():
    root = DB.parents[1]
    outside = [
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        if DB not in file.parents
        and "emulator" not in file.parts
        and any(word in file.read_text(encoding="utf-8") for word in ("import sqlalchemy", "from sqlalchemy"))
    ]

    assert outside == []
