"""What capture seals: only the department can open it, and its header says where it belongs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.core.uplink_events import Mark
from agent.seal import EnvelopeSealer
from agent.state.store import StateStore
from agent.transport.identity import Identity, SchoolFacts
from collector.ca.authority import Authority
from proto.batch import TableRows, Unfit, decode
from proto.entities import BY_NAME
from proto.envelope import EnvelopeError, SealingKey, envelope_hash, open_sealed, read_header, verify
from proto.limits import SCHEMA
from proto.sync.v1 import sync_pb2
from tests.fix_applier import changes, row_of, table
from tests.fix_ca import new_key

PREVIOUS = Mark(6, b"p" * 32)
EPOCH = b"e" * 16


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    authority, key, now = Authority.create(tmp_path / "ca"), new_key(), datetime.now(UTC)
    certificate = authority.issue_school("23-042", key.public_key(), now, timedelta(days=90))
    facts = SchoolFacts("23-042", "Europe/Moscow", "ORG", "sync:1", "enrol:1", b"k" * 32)
    return Identity(key, certificate, authority.certificate, facts)


@pytest.fixture
def department() -> SealingKey:
    return SealingKey.generate()


@pytest.fixture
def sealer(tmp_path: Path, identity: Identity, department: SealingKey) -> Iterator[EnvelopeSealer]:
    store = StateStore(tmp_path / "state.sqlite")
    store.put(sealing_key=department.public_bytes(), identity="sqlite:ORG", incarnation="8:42#1", profile_hash="ff")
    yield EnvelopeSealer(store, identity, lambda: 1_790_000_000_000)
    store.close()


def some() -> list[TableRows]:
    rows = [row_of("subject", "1", name="Алгебра"), row_of("subject", "2")]
    return [
        table("subject", *rows, deleted=["9"], unfit=[Unfit("3", "text_nul", 5)]),
        table("mark", deleted=["4", "5"]),
    ]


def sealed(sealer: EnvelopeSealer) -> sync_pb2.Envelope:
    data, _hash = sealer(changes(*some()), EPOCH, PREVIOUS)
    return sync_pb2.Envelope.FromString(data)


def test_the_department_opens_what_was_sealed(sealer: EnvelopeSealer, department: SealingKey) -> None:
    envelope = sealed(sealer)
    opened = decode(open_sealed(envelope, read_header(envelope), department))
    assert opened.tables == some()


def test_nobody_else_opens_it(sealer: EnvelopeSealer) -> None:
    envelope = sealed(sealer)
    with pytest.raises(EnvelopeError):
        open_sealed(envelope, read_header(envelope), SealingKey.generate())


def test_nothing_of_a_row_can_be_read_in_it(sealer: EnvelopeSealer) -> None:
    data, _hash = sealer(changes(*some()), EPOCH, PREVIOUS)
    assert "Алгебра".encode() not in data


def test_the_header_names_school_place_origin_and_profile(sealer: EnvelopeSealer, department: SealingKey) -> None:
    header = read_header(sealed(sealer))
    assert (header.school, header.epoch, header.seq, header.previous) == ("23-042", EPOCH, 7, b"p" * 32)
    assert (header.origin.identity, header.origin.incarnation) == ("sqlite:ORG", "8:42#1")
    assert (header.profile_hash, header.schema, header.captured_ms) == ("ff", SCHEMA, 1_790_000_000_000)
    assert header.sealing_key_id == department.key_id


def test_the_header_counts_what_is_inside(sealer: EnvelopeSealer) -> None:
    header = read_header(sealed(sealer))
    numbers = {name: BY_NAME[name].number for name in ("subject", "mark")}
    counted = {one.entity: (one.rows, one.deletes, one.unfit) for one in header.counts}
    assert counted == {numbers["subject"]: (2, 1, 1), numbers["mark"]: (0, 2, 0)}
    assert header.rows == 6


def test_the_signature_is_of_the_schools_certificate(sealer: EnvelopeSealer, identity: Identity) -> None:
    verify(sealed(sealer), [identity.key.public_key()])


def test_after_a_renewal_the_new_key_signs(sealer: EnvelopeSealer, identity: Identity) -> None:
    fresh = new_key()
    sealer.identity = Identity(fresh, identity.certificate, identity.ca, identity.facts)
    verify(sealed(sealer), [fresh.public_key()])


def test_the_hash_is_that_of_the_envelope(sealer: EnvelopeSealer) -> None:
    data, told = sealer(changes(*some()), EPOCH, PREVIOUS)
    assert told == envelope_hash(sync_pb2.Envelope.FromString(data))
