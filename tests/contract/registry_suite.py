"""What every registry of codes and certificates must do, whatever it is made of. Subclass with a fixture `registry`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collector.ca.ports import Registry
from collector.core.issuance import Code, Issued
from tests.fix_ca import START

CODE = Code(b"\x00digest", "42", START, START + timedelta(days=14))
FIRST = Issued("00a1", "42", b"der 1", START + timedelta(days=90), START)
SECOND = Issued("00a2", "42", b"der 2", START + timedelta(days=150), START + timedelta(days=60))
LATER = START + timedelta(days=1)


class RegistrySuite:
    def test_what_was_never_kept_is_not_found(self, registry: Registry):
        with registry.transaction() as session:
            assert session.code(b"no") is None
            assert session.certificate("no") is None
            assert list(session.certificates("42")) == []

    def test_a_code_comes_back_as_it_was(self, registry: Registry):
        with registry.transaction() as session:
            session.add_code(CODE)
        assert self.code(registry) == CODE

    def test_the_first_use_of_a_code_stands(self, registry: Registry):
        with registry.transaction() as session:
            session.add_code(CODE)
            session.use_code(CODE.digest, LATER, b"first")
            session.use_code(CODE.digest, LATER + timedelta(days=1), b"second")
        assert self.code(registry) == replace(CODE, used_at=LATER, csr_key=b"first")

    def test_failures_are_counted(self, registry: Registry):
        with registry.transaction() as session:
            session.add_code(CODE)
            session.count_failure(CODE.digest)
            session.count_failure(CODE.digest)
            session.count_failure(b"unknown")
        assert self.code(registry) == replace(CODE, failures=2)

    def test_only_unused_codes_of_the_school_end(self, registry: Registry):
        used, other = replace(CODE, digest=b"used"), replace(CODE, digest=b"other", school="43")
        with registry.transaction() as session:
            for code in (CODE, used, other):
                session.add_code(code)
            session.use_code(used.digest, LATER, b"key")
            session.end_codes("42", LATER)
            found = [session.code(code.digest) for code in (CODE, used, other)]
        assert [code and code.expires_at for code in found] == [LATER, CODE.expires_at, CODE.expires_at]

    def test_a_code_that_ended_is_not_given_more_time(self, registry: Registry):
        with registry.transaction() as session:
            session.add_code(CODE)
            session.end_codes("42", LATER)
            session.end_codes("42", LATER + timedelta(days=1))
        assert self.code(registry) == replace(CODE, expires_at=LATER)

    def test_certificates_come_back_as_they_were_and_oldest_first(self, registry: Registry):
        with registry.transaction() as session:
            session.add_certificate(SECOND)
            session.add_certificate(FIRST)
        with registry.transaction() as session:
            assert session.certificate("00a2", lock=True) == SECOND
            assert list(session.certificates("42")) == list(session.certificates("42", lock=True)) == [FIRST, SECOND]
            assert list(session.certificates("43")) == []

    def test_a_certificate_that_is_known_stays_as_it_is(self, registry: Registry):
        with registry.transaction() as session:
            session.add_certificate(FIRST)
            session.revoke(FIRST.serial, LATER)
            session.add_certificate(FIRST)
            assert session.certificate(FIRST.serial) == replace(FIRST, revoked_at=LATER)

    def test_the_first_successor_and_the_first_revocation_stand(self, registry: Registry):
        with registry.transaction() as session:
            session.add_certificate(FIRST)
            for successor, at in (("00a2", LATER), ("00a3", LATER + timedelta(days=1))):
                session.set_successor(FIRST.serial, successor)
                session.revoke(FIRST.serial, at)
            assert session.certificate(FIRST.serial) == replace(FIRST, successor="00a2", revoked_at=LATER)

    def test_what_raises_leaves_no_trace(self, registry: Registry):
        with pytest.raises(RuntimeError):
            self.fail_half_way(registry)
        with registry.transaction() as session:
            assert (session.code(CODE.digest), session.certificate(FIRST.serial)) == (None, None)

    def fail_half_way(self, registry: Registry) -> None:
        with registry.transaction() as session:
            session.add_code(CODE)
            session.add_certificate(FIRST)
            raise RuntimeError

    def code(self, registry: Registry) -> Code | None:
        with registry.transaction() as session:
            return session.code(CODE.digest)
