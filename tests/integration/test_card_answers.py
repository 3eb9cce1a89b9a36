"""What a school is told with its certificate, over the real store."""

from collections.abc import Callable

import pytest

from agent.profile import load, parse
from agent.sources.base import Options
from agent.sources.factory import open_source
from agent.wiring import check_signature
from collector.ca.ports import Card, CardRequest
from collector.card import SchoolCards
from collector.department import Department, utc_now
from collector.ingest.settings import DepartmentSettings, Guard
from collector.store import schools
from collector.store.embedded import EmbeddedServer
from install.demo.generate import build_school
from proto.problems import Problem
from proto.sync.v1 import sync_pb2
from tests.fix_ca import code_of
from tests.fix_demo import CITY, Demo
from tests.fix_department import SCHOOL

pytestmark = pytest.mark.integration
Ask = Callable[..., Card]


@pytest.fixture
def fits() -> str:
    """A schema fingerprint that the shipped profile names."""
    found = load("demo").source.decode().split('schemas = [\n    "', 1)[1]
    return found[:64]


@pytest.fixture
def ask(founded: Department, fits: str) -> Ask:
    """Asks for the school's card."""
    settings = DepartmentSettings(Guard(), lambda now: founded.keys.sealing_key(now, 400))
    cards = SchoolCards(founded, settings, "sync:1", "enrol:1")
    cards.use_enrol_address("enrol:2")

    def request(school: str = SCHOOL, **more: object) -> Card:
        return cards(CardRequest(**({"school": school, "agent_version": "1", "schema_fingerprint": fits} | more)))  # type: ignore[arg-type]  # named in tests

    return request


def known(department: Department, school: str = SCHOOL) -> schools.School:
    with department.database.begin(scope="*") as connection:
        return schools.get(connection, school)


def test_a_card_holds_what_a_wiped_agent_must_get_again(founded: Department, ask: Ask) -> None:
    card = ask()
    assert (card.zone, card.organisation, card.sync_address, card.enrol_address) == (
        "Asia/Omsk",
        "1001",
        "sync:1",
        "enrol:2",
    )
    assert card.fingerprint_key == ask().fingerprint_key == founded.keys.fingerprint_key(SCHOOL)
    told = sync_pb2.Settings.FromString(card.settings)
    assert told.sealing_key == founded.keys.sealing_key(utc_now(), 400).public_bytes()
    assert told.guard.delete_rows == 500


def test_the_source_of_the_first_enrolment_is_recorded(founded: Department, ask: Ask) -> None:
    ask(identity="sqlite:1001")
    assert known(founded).identity == "sqlite:1001"
    ask(identity="sqlite:1001")


def test_another_source_is_refused_with_both_names(ask: Ask) -> None:
    ask(identity="sqlite:1001")
    with pytest.raises(Problem) as problem:
        ask(identity="sqlite:2002")
    assert code_of(problem) == "GOR-1604"
    assert problem.value.details == {"recorded": "sqlite:1001", "found": "sqlite:2002", "school": SCHOOL}


def test_a_refused_source_waits_for_the_departments_word_and_then_passes(founded: Department, ask: Ask) -> None:
    ask(identity="sqlite:1001")
    with pytest.raises(Problem):
        ask(identity="sqlite:2002")
    assert (known(founded).identity, known(founded).offered) == ("sqlite:1001", "sqlite:2002")
    with founded.database.begin(scope="*", school=SCHOOL) as connection:
        schools.confirm_identity(connection, SCHOOL, utc_now())
    assert ask(identity="sqlite:2002").organisation == "1001"


def test_an_agent_that_tells_no_source_records_none(founded: Department, ask: Ask) -> None:
    ask()
    assert known(founded).identity is None


def test_the_profile_is_found_by_the_schema_and_noted_as_the_schools(founded: Department, ask: Ask) -> None:
    card = ask()
    assert card.profile is not None
    assert parse(card.profile.toml).hash == load("demo").hash
    check_signature(card.profile.toml, card.profile.signature, founded.authority.certificate, "demo")
    assert known(founded).profile == "demo"


def test_the_profile_that_the_department_chose_is_taken_before_the_fitting_one(founded: Department, ask: Ask) -> None:
    mine = load("demo").source.replace(b'name = "demo"', b'name = "mine"', 1)
    founded.add_profile(mine)
    with founded.database.begin(scope="*", school=SCHOOL) as connection:
        schools.set_profile(connection, SCHOOL, "mine")
    card = ask(schema_fingerprint="unheard")
    assert card.profile is not None
    assert card.profile.name == "mine"


def test_an_unknown_schema_is_refused_before_a_code_is_spent(ask: Ask) -> None:
    with pytest.raises(Problem) as problem:
        ask(schema_fingerprint="abc")
    assert code_of(problem) == "GOR-1410"
    assert problem.value.details["fingerprint"] == "abc"


def test_an_agent_with_a_profile_of_its_own_gets_none(founded: Department, ask: Ask) -> None:
    assert ask(profile="mine", schema_fingerprint="abc").profile is None
    assert known(founded).profile is None


def test_a_renewal_tells_keys_and_no_profile(ask: Ask) -> None:
    card = ask(renewal=True, schema_fingerprint="")
    assert card.profile is None
    assert card.settings


def test_a_school_whose_access_has_ended_gets_no_card(founded: Department, ask: Ask) -> None:
    with founded.database.begin(scope="*", school=SCHOOL) as connection:
        schools.revoke(connection, SCHOOL, utc_now())
    with pytest.raises(Problem) as problem:
        ask()
    assert code_of(problem) == "GOR-1111"


def test_a_school_that_nobody_added_gets_no_card(ask: Ask) -> None:
    with pytest.raises(Problem) as problem:
        ask("77-777")
    assert code_of(problem) == "GOR-1011"


def test_a_fresh_demo_database_is_known_by_its_schema_on_sqlite(ask: Ask, school: Demo) -> None:
    source = open_source(Options(school.url, school.organisation))
    card = ask(schema_fingerprint=source.describe(counts=False).fingerprint)
    source.close()
    assert card.profile is not None
    assert card.profile.name == "demo"


def test_a_fresh_demo_database_is_known_by_its_schema_on_postgresql(ask: Ask, postgres: EmbeddedServer) -> None:
    url = postgres.create_database("card_demo")
    build_school(CITY.school(3), url)
    source = open_source(Options(url, CITY.school(3).organisation))
    card = ask(schema_fingerprint=source.describe(counts=False).fingerprint)
    source.close()
    postgres.drop_database("card_demo")
    assert card.profile is not None
    assert card.profile.name == "demo"
