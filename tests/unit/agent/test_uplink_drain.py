"""The measured speed of the line."""

from agent.core.drain import Drain


def test_nothing_is_claimed_before_a_receipt() -> None:
    drain = Drain()
    drain.sent(1, 1000, 0.0)
    assert drain.bytes_per_second is None
    assert drain.bytes_in_flight == 1000


def test_the_rate_is_bytes_over_the_time_that_something_was_in_flight() -> None:
    drain = Drain()
    drain.sent(1, 1000, 10.0)
    drain.receipted(1, 12.0)
    drain.sent(2, 3000, 100.0)
    drain.receipted(2, 102.0)
    assert drain.bytes_per_second == 1000.0
    assert drain.bytes_in_flight == 0


def test_envelopes_in_flight_together_share_the_time() -> None:
    drain = Drain()
    drain.sent(1, 1000, 0.0)
    drain.sent(2, 1000, 0.0)
    drain.receipted(1, 1.0)
    drain.receipted(2, 2.0)
    assert drain.bytes_per_second == 1000.0


def test_old_receipts_are_forgotten() -> None:
    drain = Drain()
    for seq in range(100):
        size = 10 if seq < 50 else 5000
        drain.sent(seq, size, float(seq))
        drain.receipted(seq, seq + 0.5)
    assert drain.bytes_per_second == 10_000.0


def test_a_broken_connection_says_nothing_about_the_line() -> None:
    drain = Drain()
    drain.sent(1, 1000, 0.0)
    drain.broke()
    drain.sent(1, 1000, 100.0)
    drain.receipted(1, 101.0)
    assert drain.bytes_per_second == 1000.0


def test_a_stalled_line_is_slow_but_never_nothing() -> None:
    drain = Drain()
    drain.sent(1, 1, 0.0)
    drain.receipted(1, 1e9)
    assert drain.bytes_per_second == 1.0
