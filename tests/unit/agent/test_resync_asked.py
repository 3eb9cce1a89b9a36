"""`school resync`: a full sweep that begins after the department asked, whatever was under way."""

from agent.core.sweep import Kind
from tests.fix_reading import Bench


def test_a_full_sweep_under_way_is_no_answer_to_a_later_wish(filled: Bench) -> None:
    filled.reader._config = filled.config.__class__(filled.data, {**filled.config.values, "page_rows": 1})
    filled.store.put(resync=1, resync_due=1)
    filled.rest(Kind.HINT)
    filled.rest(Kind.HOT)
    filled.reader.step()
    sweeping = filled.reader._full
    assert sweeping is not None
    filled.store.put(resync=2, resync_due=1)
    filled.until(lambda: filled.reader._full is not sweeping)
    assert filled.store.get("resync_due")
    filled.until(lambda: not filled.store.get("resync_due"))
    assert filled.store.get("based")
