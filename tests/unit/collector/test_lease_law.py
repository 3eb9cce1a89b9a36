"""One agent at a time, and no lost Welcome locks anybody out."""

from hypothesis import given
from hypothesis import strategies as st

from collector.core.lease import Claim, Lease, claim, keep, use, welcome

OLD, NEXT, FRESH = b"old", b"next", b"fresh"
HELD = Lease(OLD, NEXT, 100)


def test_both_the_confirmed_and_the_last_given_token_pass() -> None:
    assert claim(HELD, OLD, 50) is Claim.HOLDER
    assert claim(HELD, NEXT, 50) is Claim.HOLDER
    assert claim(HELD, OLD, 500) is Claim.HOLDER


def test_another_token_is_held_off_until_the_lease_ends() -> None:
    assert claim(HELD, FRESH, 99) is Claim.HELD
    assert claim(HELD, b"", 99) is Claim.HELD
    assert claim(HELD, FRESH, 100) is Claim.STALE


def test_the_empty_token_opens_a_school_that_never_had_a_lease() -> None:
    assert claim(Lease(), b"", 0) is Claim.HOLDER
    assert claim(Lease(b"", NEXT, 100), b"", 50) is Claim.HOLDER
    assert claim(Lease(OLD, b"", 100), b"", 50) is Claim.HELD


def test_a_welcome_replaces_the_token_that_nobody_confirmed() -> None:
    assert welcome(HELD, OLD, FRESH, 200) == Lease(OLD, FRESH, 200)


def test_a_hello_with_the_next_token_confirms_it() -> None:
    assert welcome(HELD, NEXT, FRESH, 200) == Lease(NEXT, FRESH, 200)


def test_a_stale_hello_confirms_nothing() -> None:
    assert welcome(HELD, b"stale", FRESH, 200) == Lease(OLD, FRESH, 200)


def test_the_first_frame_after_a_welcome_confirms() -> None:
    confirmed = use(HELD, NEXT, 50, 200)
    assert confirmed == Lease(NEXT, b"", 200)
    assert claim(confirmed, OLD, 50) is Claim.HELD


def test_frames_of_a_confirmed_stream_lengthen_the_lease() -> None:
    assert use(HELD, OLD, 50, 200) == Lease(OLD, NEXT, 200)


def test_a_frame_of_a_stream_that_lost_its_lease_is_refused() -> None:
    assert use(HELD, b"stale", 50, 200) is None
    assert use(HELD, b"", 50, 200) is None


def test_the_end_of_a_lease_ends_its_stream() -> None:
    assert use(HELD, OLD, 100, 200) is None
    assert keep(HELD, OLD, 100, 200) is None


def test_a_living_connection_lengthens_but_confirms_nothing() -> None:
    assert keep(HELD, NEXT, 50, 200) == Lease(OLD, NEXT, 200)


@given(st.lists(st.sampled_from(["lost", "kept", "framed"]), max_size=20))
def test_an_agent_that_stores_its_last_token_is_never_locked_out(fates: list[str]) -> None:
    """Whatever happens to each Welcome, the agent's stored token is the holder's."""
    lease, stored = Lease(), b""
    for number, fate in enumerate(fates, 1):
        assert claim(lease, stored, 0) is Claim.HOLDER
        fresh = bytes([number])
        lease = welcome(lease, stored, fresh, 1000)
        if fate != "lost":
            stored = fresh
        if fate == "framed":
            used = use(lease, stored, 0, 1000)
            assert used is not None
            lease = used
