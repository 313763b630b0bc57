"""How many sockets an address may have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloudcache.web.socket_limits import SOCKET, OpenSockets, SocketLimits

LIMITS = SocketLimits(in_all=3, before_sign_in=2)


def test_address_has_at_most_its_number_of_sockets():
    sockets = OpenSockets(LIMITS)
    opened = [sockets.open("192.0.2.1", is_signed_in=True) for _ in range(3)]

    assert all(opened) and sockets.open("192.0.2.1", is_signed_in=True) is None
    assert sockets.open("192.0.2.2", is_signed_in=True)
    sockets.close(opened[0])
    assert sockets.open("192.0.2.1", is_signed_in=True)


def test_fewer_before_sign_in():
    sockets = OpenSockets(LIMITS)
    opened = [sockets.open("192.0.2.1", is_signed_in=False) for _ in range(2)]

    assert sockets.open("192.0.2.1", is_signed_in=False) is None
    for _ in range(2):
        sockets.sign_in({SOCKET: opened[0]})
    assert sockets.open("192.0.2.1", is_signed_in=False)
    assert sockets.open("192.0.2.1", is_signed_in=False) is None


def test_scope_of_another_kind_is_not_a_socket():
    OpenSockets(LIMITS).sign_in({})


@given(st.lists(st.tuples(st.sampled_from(["open", "sign in", "close"]), st.booleans())))
def test_what_is_closed_no_longer_counts(steps: list[tuple[str, bool]]):
    sockets, opened = OpenSockets(LIMITS), []
    for what, is_signed_in in steps:
        if what == "open":
            opened.append(sockets.open("192.0.2.1", is_signed_in=is_signed_in))
        elif opened and opened[-1] is not None and what == "sign in":
            sockets.sign_in({SOCKET: opened[-1]})
        elif opened and (one := opened.pop()) is not None:
            sockets.close(one)
    for one in opened:
        if one is not None:
            sockets.close(one)

    assert [sockets.open("192.0.2.1", is_signed_in=False) is not None for _ in range(3)] == [
        True,
        True,
        False,
    ]
