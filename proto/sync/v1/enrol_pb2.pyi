from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EnrolRequest(_message.Message):
    __slots__ = ("code", "csr", "agent_version", "identity", "schema_fingerprint", "profile", "clock_ms")
    CODE_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    code: str
    csr: bytes
    agent_version: str
    identity: str
    schema_fingerprint: str
    profile: str
    clock_ms: int
    def __init__(self, code: _Optional[str] = ..., csr: _Optional[bytes] = ..., agent_version: _Optional[str] = ..., identity: _Optional[str] = ..., schema_fingerprint: _Optional[str] = ..., profile: _Optional[str] = ..., clock_ms: _Optional[int] = ...) -> None: ...

class ChallengeRequest(_message.Message):
    __slots__ = ("certificate_serial",)
    CERTIFICATE_SERIAL_FIELD_NUMBER: _ClassVar[int]
    certificate_serial: bytes
    def __init__(self, certificate_serial: _Optional[bytes] = ...) -> None: ...

class ChallengeReply(_message.Message):
    __slots__ = ("nonce", "clock_ms")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    clock_ms: int
    def __init__(self, nonce: _Optional[bytes] = ..., clock_ms: _Optional[int] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("certificate", "csr", "nonce", "signature", "agent_version", "clock_ms")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    csr: bytes
    nonce: bytes
    signature: bytes
    agent_version: str
    clock_ms: int
    def __init__(self, certificate: _Optional[bytes] = ..., csr: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., agent_version: _Optional[str] = ..., clock_ms: _Optional[int] = ...) -> None: ...

class EnrolReply(_message.Message):
    __slots__ = ("school", "certificate", "ca", "fingerprint_key", "zone", "organisation", "sync_address", "enrol_address", "settings", "clock_ms", "profile")
    SCHOOL_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CA_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_KEY_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    ORGANISATION_FIELD_NUMBER: _ClassVar[int]
    SYNC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ENROL_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    school: str
    certificate: bytes
    ca: bytes
    fingerprint_key: bytes
    zone: str
    organisation: str
    sync_address: str
    enrol_address: str
    settings: bytes
    clock_ms: int
    profile: EnrolProfile
    def __init__(self, school: _Optional[str] = ..., certificate: _Optional[bytes] = ..., ca: _Optional[bytes] = ..., fingerprint_key: _Optional[bytes] = ..., zone: _Optional[str] = ..., organisation: _Optional[str] = ..., sync_address: _Optional[str] = ..., enrol_address: _Optional[str] = ..., settings: _Optional[bytes] = ..., clock_ms: _Optional[int] = ..., profile: _Optional[_Union[EnrolProfile, _Mapping]] = ...) -> None: ...

class EnrolProfile(_message.Message):
    __slots__ = ("name", "toml", "signature")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOML_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    name: str
    toml: bytes
    signature: bytes
    def __init__(self, name: _Optional[str] = ..., toml: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...
