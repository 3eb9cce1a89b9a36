"""The department's certificate authority: one P-256 key in a folder of its own, and what it signs.

The authority and the servers' certificates run from twenty years back to thirty ahead and are replaced by decision, not by date:
a school whose clock is years off must still be able to connect and be *told* so. Schools' certificates live by the collector's clock.
"""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proto.certificates import AUTHORITY_ORGANISATION, ca_pin, issued_by, key_bytes
from proto.files import private_folder, write_atomic, write_once
from proto.identity import school_uri
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOG: Final = logging.getLogger(__name__)
_BEFORE: Final = timedelta(days=20 * 365)
_AFTER: Final = timedelta(days=30 * 365)
_BACKDATE: Final = timedelta(hours=1)  # collectors' clocks may differ among themselves
_KEY_FILE: Final = "ca.key.pem"
_CERTIFICATE_FILE: Final = "ca.pem"
LOG_FILE: Final = "issued.log"


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What a listener shows: its key, and its certificate followed by the authority's, so that a stranger can check the pin."""

    key_pem: bytes
    chain_pem: bytes


class Authority:
    """The key and everything that it signs. Make one with :meth:`create` or :meth:`load`."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.folder = folder
        self.certificate = certificate
        self._key = key

    @classmethod
    def create(cls, folder: Path, now: datetime | None = None) -> Authority:
        """The authority of this folder, made if there is none. A creation cut short is finished with the key that it left."""
        private_folder(folder)
        if not (folder / _CERTIFICATE_FILE).exists():  # a certificate without its key is damage, not the beginning
            write_once(folder / _KEY_FILE, _key_pem(ec.generate_private_key(ec.SECP256R1())))
            certificate = _self_signed(_load_key(folder / _KEY_FILE), now or datetime.now(UTC))
            write_once(folder / _CERTIFICATE_FILE, certificate.public_bytes(Encoding.PEM))
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> Authority:
        """The authority of this folder; GOR-1118 when it is missing or damaged."""
        try:
            key = _load_key(folder / _KEY_FILE)
            certificate = x509.load_pem_x509_certificate((folder / _CERTIFICATE_FILE).read_bytes())
        except (OSError, ValueError) as error:
            raise Problem("GOR-1118", path=folder) from error
        if _spki(certificate) != key_bytes(key.public_key()):
            raise Problem("GOR-1118", path=folder)
        return cls(folder, key, certificate)

    @property
    def pin(self) -> str:
        """SHA-256 of the authority's public key, hex."""
        return ca_pin(self.certificate)

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def derive(self, label: bytes) -> bytes:
        """32 secret bytes that every collector with this key derives alike."""
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        secret = self._key.private_numbers().private_value.to_bytes(32, "big")
        return HKDF(hashes.SHA256(), 32, salt=None, info=label).derive(secret)

    def sign(self, data: bytes) -> bytes:
        """The department's word on some bytes (profiles): ECDSA over their SHA-256."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def vouches_for(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed the certificate, whatever its dates."""
        return issued_by(certificate, self.certificate)

    def issue_school(
        self, school: str, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
    ) -> x509.Certificate:
        """A certificate that speaks for the school. It begins a little earlier than now, for collectors whose clocks differ."""
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(school_uri(school))])
        start = now - min(_BACKDATE, life / 10)
        builder = self._leaf(_name(school), key, start, now + life, ExtendedKeyUsageOID.CLIENT_AUTH)
        return builder.add_extension(names, critical=False).sign(self._key, hashes.SHA256())

    def server_certificate(self, role: str, hosts: Sequence[str], now: datetime | None = None) -> ServerCertificate:
        """The listener's key and chain for these names and addresses; kept in the folder, made anew when the names change."""
        key_path, chain_path = self.folder / f"{role}.key.pem", self.folder / f"{role}.pem"
        names = [_general_name(host) for host in hosts]
        write_once(key_path, _key_pem(ec.generate_private_key(ec.SECP256R1())))
        key = _load_key(key_path)
        if not self._still_fits(chain_path, names, key):
            leaf = self._server_leaf(role, names, key, now or datetime.now(UTC))
            write_atomic(chain_path, leaf.public_bytes(Encoding.PEM) + self.pem)
            _LOG.info("issued the certificate of listener %s for %d names", role, len(names))
        return ServerCertificate(key_path.read_bytes(), chain_path.read_bytes())

    def _still_fits(self, path: Path, names: list[x509.GeneralName], key: ec.EllipticCurvePrivateKey) -> bool:
        """Whether the kept certificate is ours, of this key, and for exactly these names."""
        try:
            leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
            held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, IndexError, x509.ExtensionNotFound):
            return False
        return self.vouches_for(leaf) and _spki(leaf) == key_bytes(key.public_key()) and list(held) == names

    def _server_leaf(
        self, role: str, names: list[x509.GeneralName], key: ec.EllipticCurvePrivateKey, now: datetime
    ) -> x509.Certificate:
        builder = self._leaf(
            _name(role), key.public_key(), now - _BEFORE, now + _AFTER, ExtendedKeyUsageOID.SERVER_AUTH
        )
        return builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(
            self._key, hashes.SHA256()
        )

    def _leaf(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        start: datetime,
        end: datetime,
        usage: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        return (
            _builder(subject, self.certificate.subject, key, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _self_signed(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name("Gorod collector authority")
    return (
        _builder(name, name, key.public_key(), now - _BEFORE, now + _AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, AUTHORITY_ORGANISATION)
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    """An address as an address, anything else as a name, in the spelling of the network."""
    bare = host.strip("[]")
    try:
        return x509.IPAddress(ipaddress.ip_address(bare))
    except ValueError:
        return x509.DNSName(bare if bare.isascii() else bare.encode("idna").decode("ascii"))


def _spki(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    return key_bytes(key) if isinstance(key, ec.EllipticCurvePublicKey) else b""


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path.name} holds no elliptic-curve key")  # noqa: TRY004  a file's content, not an argument
    return key
