"""A refusal reads as a sentence; its code is for programs."""

import pytest

from cloudcache.domain.errors import NeedsConfirmation, Reason, Refused, Unauthorized, sentence


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("detail", ["", "Zone WAF"])
def test_refusal_reads_as_a_sentence_without_its_code(reason: Reason, detail: str):
    said = str(Refused(reason, detail))

    assert detail in said and said[0].isupper() and "_" not in said
    assert detail or len(said.split()) > 3


def test_account_id_in_place_of_a_zone_id_is_hinted_at():
    assert str(Refused(Reason.ZONE_GONE)) == (
        "The token can't find a zone with this ID in Cloudflare. An account ID looks the same"
    )


def test_missing_permission_is_named():
    assert str(Unauthorized(Reason.PERMISSION, "Zone WAF")) == "The token is missing a permission: Zone WAF"


def test_conflict_of_ours_is_said_alone():
    assert (
        str(Refused(Reason.CONFLICT, "this shop is registered already")) == "this shop is registered already"
    )


def test_unknown_code_of_the_journal_is_not_shown():
    assert sentence("from_a_later_version") == "Cloudflare rejected the request"


def test_every_refusal_class_has_a_sentence():
    assert str(NeedsConfirmation()) == "The change is risky and wasn't confirmed"
