"""The department's certificate authority and what it signs."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from collector.ca.authority import Authority
from proto.identity import school_of
from proto.problems import Problem
from tests.fix_ca import START, code_of, new_key

LIFE = timedelta(days=90)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "ca", START)


def test_creating_twice_gives_one_authority(authority: Authority):
    again = Authority.create(authority.folder, START + timedelta(days=1))
    assert again.certificate == authority.certificate
    assert again.pin == authority.pin


def test_a_creation_cut_short_is_finished_with_the_same_key(authority: Authority):
    (authority.folder / "ca.pem").unlink()
    assert Authority.create(authority.folder, START).pin == authority.pin


def test_the_authority_outlives_wrong_clocks(authority: Authority):
    assert authority.certificate.not_valid_before_utc < START - timedelta(days=19 * 365)
    assert authority.certificate.not_valid_after_utc > START + timedelta(days=29 * 365)


def test_keys_are_for_their_owner_alone(authority: Authority):
    authority.server_certificate("sync", ["localhost"], START)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in authority.folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["ca.pem", "ca.key.pem"])
@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_a_damaged_folder_is_told_and_not_repaired_by_a_new_authority(
    authority: Authority, name: str, content: bytes | None
):
    path = authority.folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Problem) as problem:
        Authority.load(authority.folder)
    assert code_of(problem) == "GOR-1118"


def test_a_lost_key_is_not_silently_replaced(authority: Authority):
    (authority.folder / "ca.key.pem").unlink()
    with pytest.raises(Problem) as problem:
        Authority.create(authority.folder, START)
    assert code_of(problem) == "GOR-1118"


def test_a_schools_certificate_speaks_for_it_and_serves_nobody(authority: Authority):
    certificate = authority.issue_school("23-042", new_key().public_key(), START, LIFE)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert school_of(certificate) == "23-042"
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_after_utc == START + LIFE
    assert START - timedelta(hours=2) < certificate.not_valid_before_utc < START


def test_a_very_short_life_is_not_spent_on_the_past(authority: Authority):
    certificate = authority.issue_school("1", new_key().public_key(), START, timedelta(seconds=60))
    assert certificate.not_valid_before_utc == START - timedelta(seconds=6)


def test_an_independent_verifier_accepts_what_the_authority_signs(authority: Authority):
    certificate = authority.issue_school("23-042", new_key().public_key(), START, LIFE)
    verifier = PolicyBuilder().store(Store([authority.certificate])).time(START).build_client_verifier()
    names = verifier.verify(certificate, []).subjects
    assert [name.value for name in names or []] == ["gorod://school/23-042"]


def test_an_independent_verifier_accepts_the_servers_certificate(authority: Authority):
    shown = authority.server_certificate("sync", ["sync.example.org"], START)
    chain = x509.load_pem_x509_certificates(shown.chain_pem)
    verifier = PolicyBuilder().store(Store([authority.certificate])).time(START)
    assert len(verifier.build_server_verifier(x509.DNSName("sync.example.org")).verify(chain[0], [])) == 2


def test_a_servers_certificate_is_kept_while_its_names_stay(authority: Authority):
    first = authority.server_certificate("sync", ["a.example.org", "10.0.0.1"], START)
    again = authority.server_certificate("sync", ["a.example.org", "10.0.0.1"], START + timedelta(days=9))
    assert again == first


def test_a_servers_certificate_is_made_anew_for_other_names(authority: Authority):
    first = authority.server_certificate("sync", ["a.example.org"], START)
    other = authority.server_certificate("sync", ["b.example.org", "::1", "обр.рф"], START)
    leaf = x509.load_pem_x509_certificates(other.chain_pem)[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert other.chain_pem != first.chain_pem
    assert names.get_values_for_type(x509.DNSName) == ["b.example.org", "xn--90azh.xn--p1ai"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["::1"]


def test_listeners_have_keys_of_their_own(authority: Authority):
    assert (
        authority.server_certificate("sync", ["a.example.org"], START).key_pem
        != authority.server_certificate("enrol", ["a.example.org"], START).key_pem
    )


def test_the_authority_vouches_only_for_its_own(authority: Authority, tmp_path: Path):
    other = Authority.create(tmp_path / "other", START)
    key = new_key().public_key()
    assert authority.vouches_for(authority.issue_school("1", key, START, LIFE))
    assert not authority.vouches_for(other.issue_school("1", key, START, LIFE))


def test_the_departments_word_on_bytes_can_be_checked(authority: Authority):
    key = authority.certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(authority.sign(b"profile"), b"profile", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(authority.sign(b"profile"), b"another", ec.ECDSA(hashes.SHA256()))


def test_derived_secrets_are_stable_and_differ_by_label(authority: Authority):
    assert authority.derive(b"a") == Authority.load(authority.folder).derive(b"a")
    assert authority.derive(b"a") != authority.derive(b"b")


@pytest.mark.parametrize("school", ["", "a/b", "ш1", "x" * 65, "-1"])
def test_a_name_that_is_no_school_id_is_never_certified(authority: Authority, school: str):
    with pytest.raises(ValueError, match="not a school id"):
        authority.issue_school(school, new_key().public_key(), START, LIFE)
