from tests.acceptance.test_faults_source import *
from tests.acceptance.test_faults_source import swept_and_same, ask_for_a_full_sweep
import pytest
pytestmark=[]
@pytest.mark.timeout(400)
def test_probe(new_school, rng):
    school = new_school().start(sweep_hint_ms="1", sweep_hot_s="0.1", sweep_full_s="0.1", page_rows="60").complete()
    for n in range(30):
        churn(school.source, rng, 400, pause_s=0.002, beside=lambda number: None if number % 100 else ask_for_a_full_sweep(school))
        try:
            swept_and_same(school)
        except AssertionError as e:
            import json
            print(n, json.dumps(school.status(), ensure_ascii=False)); print(school.differences())
            print(school.city.query("SELECT entity, sum(inserts), sum(updates), sum(deletes) FROM gorod.guard_hour WHERE school_id=%(s)s GROUP BY 1", s=school.id))
            raise
