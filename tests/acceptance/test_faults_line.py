"""The line, certificates and strangers with certificates: scenarios 3 and 19, revocation and renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proto.batch import Changes, encode
from proto.limits import MAX_ENVELOPE_BYTES, MAX_FRAME_BYTES
from proto.sync.v1 import sync_pb2
from tests.acceptance.attacker import Attacker, refusals
from tests.acceptance.processes import refused

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.world import City, School, Source

pytestmark = [pytest.mark.acceptance, pytest.mark.integration]
NOTHING = encode(Changes([], []))


def everything_of(school: School) -> tuple[object, ...]:
    """What the department holds of a school, as far as an attack could change it."""
    tables = ("ledger", "mark", "mark_history", "announcement", "quarantine", "tombstone", "digest")
    counted = "SELECT count(*) FROM gorod.{table} WHERE school_id = %(school)s"
    return (school.head(), *(school.city.value(counted.format(table=name), school=school.id) for name in tables))


def test_a_lost_receipt_changes_nothing_and_the_chain_goes_on(synced: School, rng: random.Random) -> None:
    """Scenario 3. Given the collector committed a batch; when the reply is cut before the agent reads it; then it counts as received, the target is unchanged."""
    relay, (epoch, before) = synced.city.relay, synced.head()
    with relay.mute():
        synced.source.live(rng, 10)
        synced.until(lambda: synced.head()[1] > before, "committed at the centre")
        synced.until(lambda: synced.status()["outbox_rows"] > 0, "not receipted at the school")
        committed = synced.head()[1]
    synced.until_same()
    assert synced.head()[0] == epoch, "a lost receipt is no reason for a new epoch"
    repeated = (
        "SELECT count(*), count(DISTINCT hash) FROM gorod.ledger WHERE school_id = %(school)s AND epoch = %(epoch)s"
    )
    count, distinct = synced.city.query(repeated, school=synced.id, epoch=epoch)[0]
    assert count == distinct == synced.head()[1] >= committed
    synced.until(lambda: synced.status()["acked_seq"] == synced.head()[1], "receipted")


def test_a_line_that_breaks_again_and_again_costs_time_only(synced: School, rng: random.Random) -> None:
    """The line breaks in the middle of everything; what was lost is sent again, and applied once."""
    epoch, _seq = synced.head()
    for _time in range(6):
        synced.source.live(rng, 8)
        synced.city.relay.cut()
    synced.until_same()
    assert synced.head()[0] == epoch


# ---- scenario 19


@pytest.fixture
def victim(new_school: Callable[..., School], new_source: Callable[..., Source]) -> School:
    """Another school of the same department, complete and stopped: nothing of it may move."""
    school = new_school(new_source(2)).start().complete()
    school.stop()
    return school


def test_a_school_that_speaks_for_another_is_refused_and_leaves_an_audit_line(synced: School, victim: School) -> None:
    """Scenario 19. Given school A's certificate; when it sends B's id; then refused, B untouched, audit line written."""
    synced.stop()
    before, attacker = everything_of(victim), Attacker.of(synced)
    assert refusals(attacker.says(school=victim.id)) == ["GOR-1607"]
    foreign = sync_pb2.ClientFrame(envelope=attacker.envelope(NOTHING, school=victim.id))
    assert refusals(attacker.says(foreign)) == ["GOR-1607"]
    assert everything_of(victim) == before
    assert "attack" in synced.events()
    assert "attack" not in victim.events()
    synced.start().until_same()


def test_an_old_epoch_and_a_replayed_batch_change_nothing(synced: School, victim: School, rng: random.Random) -> None:
    """Scenario 19. Given school A's certificate; when it sends an old epoch or a replayed batch; then refused or no-op."""
    with synced.city.relay.shut():
        synced.source.live(rng, 5)
        synced.until(lambda: synced.status()["outbox_rows"] > 0, "captured")
        synced.kill()
    kept = Attacker.of(synced).outbox
    synced.start().until_same()
    synced.stop()
    before, of_victim, attacker = everything_of(synced), everything_of(victim), Attacker.of(synced)
    again = [sync_pb2.ClientFrame(envelope=sync_pb2.Envelope.FromString(data)) for data in kept]
    answers = attacker.says(*again)
    assert [one.WhichOneof("frame") for one in answers] == ["welcome", *["receipt"] * len(kept)]
    assert all(one.receipt.applied == 0 for one in answers[1:])
    old = sync_pb2.ClientFrame(envelope=attacker.envelope(NOTHING, epoch=b"an older epoch 1"))
    assert refusals(attacker.says(old)) == ["GOR-1601"]
    assert (everything_of(synced), everything_of(victim)) == (before, of_victim)
    synced.start().until_same()


def test_a_message_that_is_too_large_is_refused_before_it_is_read(synced: School, rng: random.Random) -> None:
    """Scenario 19. Given school A's certificate; when it sends a message above the limit; then refused; the department goes on."""
    synced.stop()
    before, attacker = everything_of(synced), Attacker.of(synced)
    large = attacker.envelope(NOTHING)
    large.ciphertext += bytes(MAX_ENVELOPE_BYTES)
    assert refusals(attacker.says(sync_pb2.ClientFrame(envelope=large))) == ["GOR-1610"]
    assert [one.WhichOneof("frame") for one in attacker.says(bytes(2 * MAX_FRAME_BYTES))] == ["welcome"]
    assert everything_of(synced) == before
    assert "attack" in synced.events()
    synced.source.live(rng, 3)
    synced.start().until_same()


# ---- certificates


def test_a_revoked_school_is_cut_within_the_check_period_and_told_so(synced: School, rng: random.Random) -> None:
    """Revocation reaches an open stream; the agent says revoked in both languages and nothing more of the school is applied."""
    synced.city.command("school", "revoke", synced.id).ok()
    synced.until(lambda: synced.problem() == "GOR-1111", "told that it is revoked", patience_s=5)
    for lang in ("ru", "en"):
        told = synced.command("status", lang=lang).ok()
        refused(told["problem"], "GOR-1111")
        assert (told["state"], told["connected"]) == ("error", False)
    before = synced.head()
    synced.source.live(rng, 5)
    assert synced.head() == before
    done = synced.enrol(code=None)
    refused(done.told, "GOR-1111")


def test_a_certificate_that_ends_while_the_agent_works_is_renewed_by_itself(
    own_city: Callable[..., City], new_source: Callable[..., Source], tmp_path: Path, rng: random.Random
) -> None:
    """Renewal while running: the new certificate is used at once, the chain goes on in the same epoch, nobody enrols again."""
    city = own_city(cert_days=f"{6 / 86_400:.9f}")
    school = city.add_school(new_source(), tmp_path / "agent")
    school.enrol().ok()
    first = (school.data / "identity" / "certificate.pem").read_bytes()
    school.start().until_same()
    epoch, _seq = school.head()
    school.until(lambda: (school.data / "identity" / "certificate.pem").read_bytes() != first, "renewed", patience_s=15)
    school.source.live(rng, 5)
    school.until_same()
    assert school.head()[0] == epoch
    assert city.value("SELECT count(*) FROM gorod.certificate WHERE school_id = %(school)s", school=school.id) >= 2
