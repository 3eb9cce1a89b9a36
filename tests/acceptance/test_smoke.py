from __future__ import annotations
import pytest, time
pytestmark = pytest.mark.acceptance
def test_smoke(synced, rng):
    synced.source.live(rng, 20)
    synced.until_same()
    print(synced.status())
def test_smoke2(synced, rng):
    synced.source.live(rng, 20)
    synced.until_same()
def test_pg(new_school, postgres_source, rng):
    s = new_school(postgres_source).start().complete()
    s.source.live(rng, 20)
    s.until_same()
