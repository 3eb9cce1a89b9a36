"""Who this agent is: a private key made here, the certificate over it, the department's authority, and facts about the school.

Four files in one folder, replaced as one. New ones are written beside the old (``*.new.*``); the replacement of ``certificate.pem``
is the single moment at which the identity changes; afterwards the new files take the plain names::

    key.new ─▶ (department) ─▶ ca.new, school.new ─▶ certificate.pem ═ commit ═▶ key.new→key, ca.new→ca, school.new→school
     a crash here repeats the request with the same key ◀──┘    └──▶ a crash here: load() takes the file that fits the certificate

A certificate fits exactly one key, one authority and one ``school.json``, so a reader never mixes two identities.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proto.certificates import UNREADABLE, issued_by, key_bytes
from proto.files import private_folder, remove_leftovers, sync_folder, write_atomic
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

_LOG: Final = logging.getLogger(__name__)
_READS: Final = 3  # another process may be renaming between two of our reads
_CERTIFICATE: Final = "certificate.pem"
_NAMES: Final = {"key": "pem", "ca": "pem", "school": "json"}

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class SchoolFacts:
    """What the department told at enrolment. ``fingerprint_key`` is secret and stays the same for the school's life."""

    school: str
    zone: str
    organisation: str
    sync_address: str
    enrol_address: str
    fingerprint_key: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """A key with the certificate that fits it, and the facts that came with both."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    ca: x509.Certificate
    facts: SchoolFacts

    @property
    def not_after(self) -> datetime:
        """End of the certificate, UTC, by the collector's clock."""
        return self.certificate.not_valid_after_utc

    @property
    def serial(self) -> bytes:
        """The certificate's serial number, 20 bytes."""
        return self.certificate.serial_number.to_bytes(20, "big")

    @property
    def key_pem(self) -> bytes:
        """The private key, for a channel's credentials."""
        return _key_pem(self.key)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, for a channel's credentials."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def ca_pem(self) -> bytes:
        """The department's authority: the only one that a channel trusts."""
        return self.ca.public_bytes(Encoding.PEM)


class IdentityFolder:
    """The folder. One process changes it (``enrol``, or the running service); any may read it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Identity:
        """The identity: GOR-1107 when this agent was never enrolled, 1120 when its folder is damaged."""
        for attempt in range(_READS):
            try:
                return self._load()
            except Problem as problem:
                if problem.code == "GOR-1107" or attempt == _READS - 1:
                    raise
            except OSError as error:
                raise self._damaged(error.strerror or type(error).__name__) from error
        raise AssertionError  # the loop returned or raised

    def pending_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that asks for the next certificate: the one that already asked, when an earlier attempt was cut short."""
        with self._writing():
            private_folder(self.path)
            remove_leftovers(self.path)
            self._promote()
            path = self._staged("key")
            key = _parsed(path, _read_key)
            if key is None:
                key = ec.generate_private_key(ec.SECP256R1())
                write_atomic(path, _key_pem(key))
            return key

    def store(self, certificate: x509.Certificate, ca: x509.Certificate, facts: SchoolFacts) -> Identity:
        """Make the certificate over the pending key the identity of this agent, and return that identity."""
        with self._writing():
            write_atomic(self._staged("ca"), ca.public_bytes(Encoding.PEM))
            write_atomic(self._staged("school"), _facts_json(certificate, facts))
            write_atomic(self.path / _CERTIFICATE, certificate.public_bytes(Encoding.PEM))
            self._promote()
        _LOG.info("stored a certificate that ends at %s", certificate.not_valid_after_utc.isoformat())
        return self.load()

    def _load(self) -> Identity:
        if not (self.path / _CERTIFICATE).exists():
            raise Problem("GOR-1107", path=self.path)
        certificate = _parsed(self.path / _CERTIFICATE, x509.load_pem_x509_certificate)
        if certificate is None:
            raise self._damaged(_CERTIFICATE)
        return Identity(
            self._fitting("key", _read_key, lambda key: _fits_key(certificate, key)),
            certificate,
            self._fitting("ca", x509.load_pem_x509_certificate, lambda ca: issued_by(certificate, ca)),
            self._fitting("school", _read_facts, lambda told: told[0] == _serial(certificate))[1],
        )

    def _fitting(self, name: str, read: Callable[[bytes], _Part], fits: Callable[[_Part], bool]) -> _Part:
        """The plain or the staged file, whichever fits the certificate."""
        for path in (self._plain(name), self._staged(name)):
            part = _parsed(path, read)
            if part is not None and fits(part):
                return part
        raise self._damaged(self._plain(name).name)

    def _promote(self) -> None:
        """Finish a replacement: staged files that fit the certificate take the plain names. Others are of an attempt not yet answered."""
        certificate = _parsed(self.path / _CERTIFICATE, x509.load_pem_x509_certificate)
        key = _parsed(self._staged("key"), _read_key)
        if certificate is None or key is None or not _fits_key(certificate, key):
            return
        for name in ("ca", "school", "key"):  # the key last: while it is staged, this is known to be unfinished
            if self._staged(name).exists():
                self._staged(name).replace(self._plain(name))
        sync_folder(self.path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """GOR-1704 when the disk or the rights on the folder do not let us write."""
        try:
            yield
        except OSError as error:
            raise Problem("GOR-1704", path=self.path, cause=error.strerror or type(error).__name__) from error

    def _plain(self, name: str) -> Path:
        return self.path / f"{name}.{_NAMES[name]}"

    def _staged(self, name: str) -> Path:
        return self.path / f"{name}.new.{_NAMES[name]}"

    def _damaged(self, cause: str) -> Problem:
        return Problem("GOR-1120", path=self.path, cause=cause)


def signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A request to certify the key, DER. It names nobody: who we are is the department's word, not ours."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def _parsed(path: Path, read: Callable[[bytes], _Part]) -> _Part | None:
    """Content of a file, None when it is missing or is not what it should be."""
    try:
        return read(path.read_bytes())
    except (FileNotFoundError, KeyError, *UNREADABLE):
        return None


def _read_key(data: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(data, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic-curve key")  # noqa: TRY004  a file's content, not an argument
    return key


def _read_facts(data: bytes) -> tuple[str, SchoolFacts]:
    told = dict(json.loads(data))
    serial = told.pop("serial")
    return serial, SchoolFacts(**{**told, "fingerprint_key": bytes.fromhex(told["fingerprint_key"])})


def _facts_json(certificate: x509.Certificate, facts: SchoolFacts) -> bytes:
    told = asdict(facts) | {"serial": _serial(certificate), "fingerprint_key": facts.fingerprint_key.hex()}
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:040x}"


def _fits_key(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bool:
    certified = certificate.public_key()
    return isinstance(certified, ec.EllipticCurvePublicKey) and key_bytes(certified) == key_bytes(key.public_key())


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
