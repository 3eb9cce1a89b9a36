"""Settings of the portal: the table that ``config`` prints, and the frozen object that the code uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from proto.problems import Problem
from proto.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

PROGRAM: Final = "portal"

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("database_url", "", "Address of the department's database with the login gorod_portal", secret=True),
    Setting("listen", "127.0.0.1:8080", "Address and port of the pages; port 0 takes a free one"),
    Setting("metrics_listen", "127.0.0.1:9465", "Address and port of /metrics, /healthz and /readyz for monitoring"),
    Setting("trusted_proxies", "", "Addresses or networks of proxies whose X-Forwarded-… headers count, by comma"),
    Setting("tls_certificate", "", "Certificate chain (PEM) if the portal itself speaks TLS"),
    Setting("tls_key", "", "Private key (PEM) of that certificate"),
    Setting("master_key_file", "", "The master key of the key ring; second factors are sealed under it"),
    Setting("keys", "", "Folder of the key ring, DATA/keys of the collector"),
    Setting("name_ru", "Управление образования", "Name of the organisation in the header, in Russian"),
    Setting("name_en", "Department of education", "Name of the organisation in the header, in English"),
    Setting("timezone", "Europe/Moscow", "Time zone of the times that pages show"),
    Setting("late_s", 900.0, "A school is late when what is shown is older", "s", float, minimum=1),
    Setting("silent_s", 3600.0, "A school is silent when nothing was heard for longer", "s", float, minimum=1),
    Setting("idle_s", 1800, "A session ends after so long without a page", "s", int, minimum=1),
    Setting("session_s", 43_200, "A session ends after so long in any case", "s", int, minimum=1),
    Setting("enrol_s", 600, "Time to set up the second factor at the first sign-in", "s", int, minimum=1),
    Setting("kept_s", 5_184_000, "A family's session on their own telephone ends after so long", "s", int, minimum=1),
    Setting("code_days", 30, "An activation code is good for so long", "d", int, minimum=1),
    Setting("guess_free", 20, "Wrong activation codes from one address before it has to wait", "", int, minimum=1),
    Setting("forms_per_minute", 60, "Forms that one account may send in a minute", "", int, minimum=1),
    Setting(
        "address_forms_per_minute",
        600,
        "Forms that one address may send in a minute; a whole school may sit behind it",
        "",
        int,
        minimum=1,
    ),
    Setting("visits_s", 5.0, "How often counted visits are written to the database", "s", float, minimum=0.1),
    Setting("public_url", "", "Address of the portal on printed slips; empty: the one by which the page was opened"),
    Setting("oidc_issuer", "", "OpenID provider that people may sign in with, as https://…; empty: none"),
    Setting("oidc_client_id", "", "What the provider calls this portal"),
    Setting("oidc_secret_file", "", "File with the secret that the provider gave for this portal"),
    Setting("oidc_scopes", "openid", "Scopes that are asked of the provider"),
    Setting("oidc_claim", "sub", "Claim of the provider's token that names the person for ever"),
    Setting("oidc_name", "Госуслуги", "What people call the provider"),
    Setting("oidc_ca_file", "", "Certificates (PEM) that vouch for the provider; empty: those of the system"),
    Setting("signin_free", 5, "Failed sign-ins of one login before it has to wait", "", int, minimum=1),
    Setting("signin_first_s", 5, "The first wait; each further failure doubles it", "s", int, minimum=0),
    Setting("signin_cap_s", 900, "The longest wait", "s", int, minimum=0),
    Setting("password_workers", 2, "Passwords checked at the same time", "", int, minimum=1),
    Setting("password_queue", 200, "Sign-ins that may wait for that; more are asked to come later", "", int, minimum=1),
    Setting("pool", 8, "Connections to the database", "", int, minimum=2),
    Setting("poll_ms", 500, "How often an open page looks for changes that nobody announced", "ms", int, minimum=50),
    Setting("viewers", 500, "Open pages that update themselves, per process", "", int, minimum=0),
    Setting("reload_s", 30, "How often a page reloads itself in a browser without scripts", "s", int, minimum=5),
    Setting("shutdown_s", 5, "Time for running requests at the end", "s", int, minimum=0),
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener stands."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """An OpenID provider that people may sign in with."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    scopes: str = "openid"
    claim: str = "sub"
    name: str = ""
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The portal's settings, checked; units are in the names."""

    database_url: str = field(repr=False)
    listen: Address
    metrics_listen: Address
    trusted_proxies: tuple[str, ...]
    tls: tuple[Path, Path] | None
    master_key_file: Path | None
    keys: Path | None
    names: Mapping[str, str]
    timezone: tzinfo
    late_s: float = 900.0
    silent_s: float = 3600.0
    idle_s: int = 1800
    session_s: int = 43_200
    enrol_s: int = 600
    kept_s: int = 5_184_000
    code_days: int = 30
    guess_free: int = 20
    forms_per_minute: int = 60
    address_forms_per_minute: int = 600
    visits_s: float = 5.0
    public_url: str = ""
    provider: ProviderSettings | None = None
    signin_free: int = 5
    signin_first_s: int = 5
    signin_cap_s: int = 900
    password_workers: int = 2
    password_queue: int = 200
    pool: int = 8
    poll_ms: int = 500
    viewers: int = 500
    reload_s: int = 30
    shutdown_s: int = 5


_COUNTS: Final = tuple(setting.key for setting in SETTINGS if setting.kind in (int, float))


def make_config(values: Mapping[str, Any]) -> Config:
    """The checked configuration out of the values of :data:`SETTINGS`; a Problem says what does not fit."""
    if not values["database_url"]:
        raise Problem("GOR-1006", key="database_url", env="GOROD_PORTAL_DATABASE_URL")
    config = Config(
        database_url=values["database_url"],
        listen=_address("listen", values["listen"]),
        metrics_listen=_address("metrics_listen", values["metrics_listen"]),
        trusted_proxies=tuple(part.strip() for part in values["trusted_proxies"].split(",") if part.strip()),
        tls=_tls(values["tls_certificate"], values["tls_key"]),
        master_key_file=_path(values["master_key_file"]),
        keys=_path(values["keys"]),
        names={"ru": values["name_ru"], "en": values["name_en"]},
        timezone=_zone(values["timezone"]),
        public_url=values["public_url"].rstrip("/"),
        provider=_provider(values),
        **{key: values[key] for key in _COUNTS},
    )
    if not (config.listen.loopback or config.tls or config.trusted_proxies):
        raise Problem("GOR-1909", address=config.listen)
    return config


def _address(key: str, text: str) -> Address:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - the last port there is
        raise Problem("GOR-1003", key=key, value=text, cause="HOST:PORT")
    return Address(host, int(port))


def _tls(certificate: str, key: str) -> tuple[Path, Path] | None:
    if not certificate and not key:
        return None
    for name, text in (("tls_certificate", certificate), ("tls_key", key)):
        if not text or not Path(text).is_file():
            raise Problem("GOR-1003", key=name, value=text, cause="PEM")
    return Path(certificate), Path(key)


def _provider(values: Mapping[str, Any]) -> ProviderSettings | None:
    issuer = values["oidc_issuer"].rstrip("/")
    if not issuer:
        return None
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not Address(parts.hostname or "", parts.port or 0).loopback:
        raise Problem("GOR-1003", key="oidc_issuer", value=issuer, cause="https://")
    if not values["oidc_client_id"]:
        raise Problem("GOR-1006", key="oidc_client_id", env="GOROD_PORTAL_OIDC_CLIENT_ID")
    return ProviderSettings(
        issuer,
        values["oidc_client_id"],
        _secret(values["oidc_secret_file"]),
        values["oidc_scopes"],
        values["oidc_claim"],
        values["oidc_name"],
        _path(values["oidc_ca_file"]),
    )


def _secret(file: str) -> str:
    try:
        return Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("GOR-1013", path=file, cause=getattr(error, "strerror", None) or error) from error


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Problem("GOR-1003", key="timezone", value=name, cause="Europe/Moscow, Asia/Yekaterinburg, …") from error
