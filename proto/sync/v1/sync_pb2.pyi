from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClientFrame(_message.Message):
    __slots__ = ("hello", "envelope", "digest", "leaf", "heartbeat")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    envelope: Envelope
    digest: Digest
    leaf: LeafRequest
    heartbeat: Heartbeat
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., envelope: _Optional[_Union[Envelope, _Mapping]] = ..., digest: _Optional[_Union[Digest, _Mapping]] = ..., leaf: _Optional[_Union[LeafRequest, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class ServerFrame(_message.Message):
    __slots__ = ("welcome", "receipt", "refusal", "compare", "leaves", "settings")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    COMPARE_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    receipt: Receipt
    refusal: Refusal
    compare: Compare
    leaves: Leaves
    settings: Settings
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., compare: _Optional[_Union[Compare, _Mapping]] = ..., leaves: _Optional[_Union[Leaves, _Mapping]] = ..., settings: _Optional[_Union[Settings, _Mapping]] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("epoch", "seq", "hash")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    epoch: bytes
    seq: int
    hash: bytes
    def __init__(self, epoch: _Optional[bytes] = ..., seq: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class Origin(_message.Message):
    __slots__ = ("identity", "incarnation")
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    identity: str
    incarnation: str
    def __init__(self, identity: _Optional[str] = ..., incarnation: _Optional[str] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "agent_version", "last", "acked", "lease", "origin", "profile", "profile_hash", "schema_fingerprint", "health_mode", "clock_ms", "school")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_HASH_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    HEALTH_MODE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    agent_version: str
    last: Position
    acked: Position
    lease: bytes
    origin: Origin
    profile: str
    profile_hash: str
    schema_fingerprint: str
    health_mode: str
    clock_ms: int
    school: str
    def __init__(self, protocol: _Optional[int] = ..., agent_version: _Optional[str] = ..., last: _Optional[_Union[Position, _Mapping]] = ..., acked: _Optional[_Union[Position, _Mapping]] = ..., lease: _Optional[bytes] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ..., profile: _Optional[str] = ..., profile_hash: _Optional[str] = ..., schema_fingerprint: _Optional[str] = ..., health_mode: _Optional[str] = ..., clock_ms: _Optional[int] = ..., school: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("head", "lease", "max_in_flight", "max_envelope_bytes", "clock_ms", "settings", "deleted_24h", "updated_24h", "closed_years", "identity", "collector_version")
    class Deleted24hEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    class Updated24hEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    HEAD_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    MAX_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    MAX_ENVELOPE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    DELETED_24H_FIELD_NUMBER: _ClassVar[int]
    UPDATED_24H_FIELD_NUMBER: _ClassVar[int]
    CLOSED_YEARS_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    COLLECTOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    head: Position
    lease: bytes
    max_in_flight: int
    max_envelope_bytes: int
    clock_ms: int
    settings: Settings
    deleted_24h: _containers.ScalarMap[int, int]
    updated_24h: _containers.ScalarMap[int, int]
    closed_years: _containers.RepeatedScalarFieldContainer[str]
    identity: str
    collector_version: str
    def __init__(self, head: _Optional[_Union[Position, _Mapping]] = ..., lease: _Optional[bytes] = ..., max_in_flight: _Optional[int] = ..., max_envelope_bytes: _Optional[int] = ..., clock_ms: _Optional[int] = ..., settings: _Optional[_Union[Settings, _Mapping]] = ..., deleted_24h: _Optional[_Mapping[int, int]] = ..., updated_24h: _Optional[_Mapping[int, int]] = ..., closed_years: _Optional[_Iterable[str]] = ..., identity: _Optional[str] = ..., collector_version: _Optional[str] = ...) -> None: ...

class Settings(_message.Message):
    __slots__ = ("sealing_key", "sealing_key_id", "guard", "releases", "profile", "resync")
    SEALING_KEY_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    GUARD_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    RESYNC_FIELD_NUMBER: _ClassVar[int]
    sealing_key: bytes
    sealing_key_id: str
    guard: GuardLimits
    releases: _containers.RepeatedCompositeFieldContainer[Release]
    profile: Profile
    resync: int
    def __init__(self, sealing_key: _Optional[bytes] = ..., sealing_key_id: _Optional[str] = ..., guard: _Optional[_Union[GuardLimits, _Mapping]] = ..., releases: _Optional[_Iterable[_Union[Release, _Mapping]]] = ..., profile: _Optional[_Union[Profile, _Mapping]] = ..., resync: _Optional[int] = ...) -> None: ...

class GuardLimits(_message.Message):
    __slots__ = ("delete_rows", "delete_pct", "update_rows", "update_pct")
    DELETE_ROWS_FIELD_NUMBER: _ClassVar[int]
    DELETE_PCT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ROWS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_PCT_FIELD_NUMBER: _ClassVar[int]
    delete_rows: int
    delete_pct: int
    update_rows: int
    update_pct: int
    def __init__(self, delete_rows: _Optional[int] = ..., delete_pct: _Optional[int] = ..., update_rows: _Optional[int] = ..., update_pct: _Optional[int] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("number", "entity", "rows")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    number: int
    entity: int
    rows: int
    def __init__(self, number: _Optional[int] = ..., entity: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class Profile(_message.Message):
    __slots__ = ("name", "toml", "signature")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOML_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    name: str
    toml: bytes
    signature: bytes
    def __init__(self, name: _Optional[str] = ..., toml: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("header", "ciphertext", "signature", "certificate_serial")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_SERIAL_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    ciphertext: bytes
    signature: bytes
    certificate_serial: bytes
    def __init__(self, header: _Optional[bytes] = ..., ciphertext: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., certificate_serial: _Optional[bytes] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("school", "epoch", "seq", "previous", "schema", "sealing_key_id", "origin", "rows", "counts", "profile_hash", "captured_ms", "batch_bytes")
    SCHOOL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_HASH_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_MS_FIELD_NUMBER: _ClassVar[int]
    BATCH_BYTES_FIELD_NUMBER: _ClassVar[int]
    school: str
    epoch: bytes
    seq: int
    previous: bytes
    schema: int
    sealing_key_id: str
    origin: Origin
    rows: int
    counts: _containers.RepeatedCompositeFieldContainer[EntityCount]
    profile_hash: str
    captured_ms: int
    batch_bytes: int
    def __init__(self, school: _Optional[str] = ..., epoch: _Optional[bytes] = ..., seq: _Optional[int] = ..., previous: _Optional[bytes] = ..., schema: _Optional[int] = ..., sealing_key_id: _Optional[str] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ..., rows: _Optional[int] = ..., counts: _Optional[_Iterable[_Union[EntityCount, _Mapping]]] = ..., profile_hash: _Optional[str] = ..., captured_ms: _Optional[int] = ..., batch_bytes: _Optional[int] = ...) -> None: ...

class EntityCount(_message.Message):
    __slots__ = ("entity", "rows", "deletes", "unfit")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DELETES_FIELD_NUMBER: _ClassVar[int]
    UNFIT_FIELD_NUMBER: _ClassVar[int]
    entity: int
    rows: int
    deletes: int
    unfit: int
    def __init__(self, entity: _Optional[int] = ..., rows: _Optional[int] = ..., deletes: _Optional[int] = ..., unfit: _Optional[int] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("tables", "years")
    TABLES_FIELD_NUMBER: _ClassVar[int]
    YEARS_FIELD_NUMBER: _ClassVar[int]
    tables: _containers.RepeatedCompositeFieldContainer[Table]
    years: _containers.RepeatedCompositeFieldContainer[YearChange]
    def __init__(self, tables: _Optional[_Iterable[_Union[Table, _Mapping]]] = ..., years: _Optional[_Iterable[_Union[YearChange, _Mapping]]] = ...) -> None: ...

class Table(_message.Message):
    __slots__ = ("entity", "rows", "columns", "deleted", "unfit", "fresh")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    UNFIT_FIELD_NUMBER: _ClassVar[int]
    FRESH_FIELD_NUMBER: _ClassVar[int]
    entity: int
    rows: int
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    deleted: Column
    unfit: _containers.RepeatedCompositeFieldContainer[Unfit]
    fresh: bool
    def __init__(self, entity: _Optional[int] = ..., rows: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., deleted: _Optional[_Union[Column, _Mapping]] = ..., unfit: _Optional[_Iterable[_Union[Unfit, _Mapping]]] = ..., fresh: _Optional[bool] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("field", "absent", "integers", "texts", "dictionary", "indexes", "numeric_text", "constant")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    NUMERIC_TEXT_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    field: int
    absent: bytes
    integers: _containers.RepeatedScalarFieldContainer[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    dictionary: _containers.RepeatedScalarFieldContainer[str]
    indexes: _containers.RepeatedScalarFieldContainer[int]
    numeric_text: bool
    constant: int
    def __init__(self, field: _Optional[int] = ..., absent: _Optional[bytes] = ..., integers: _Optional[_Iterable[int]] = ..., texts: _Optional[_Iterable[str]] = ..., dictionary: _Optional[_Iterable[str]] = ..., indexes: _Optional[_Iterable[int]] = ..., numeric_text: _Optional[bool] = ..., constant: _Optional[int] = ...) -> None: ...

class Unfit(_message.Message):
    __slots__ = ("key", "cause", "hash", "year")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    key: str
    cause: str
    hash: int
    year: str
    def __init__(self, key: _Optional[str] = ..., cause: _Optional[str] = ..., hash: _Optional[int] = ..., year: _Optional[str] = ...) -> None: ...

class YearChange(_message.Message):
    __slots__ = ("year", "closed")
    YEAR_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    year: str
    closed: bool
    def __init__(self, year: _Optional[str] = ..., closed: _Optional[bool] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("position", "applied", "unchanged", "quarantined")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    position: Position
    applied: int
    unchanged: int
    quarantined: int
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ..., applied: _Optional[int] = ..., unchanged: _Optional[int] = ..., quarantined: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("code", "text", "details")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    details: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ...) -> None: ...

class EntitySum(_message.Message):
    __slots__ = ("entity", "rows", "sum", "quarantined")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    entity: int
    rows: int
    sum: int
    quarantined: int
    def __init__(self, entity: _Optional[int] = ..., rows: _Optional[int] = ..., sum: _Optional[int] = ..., quarantined: _Optional[int] = ...) -> None: ...

class Digest(_message.Message):
    __slots__ = ("at", "entities", "complete", "signature")
    AT_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    at: Position
    entities: _containers.RepeatedCompositeFieldContainer[EntitySum]
    complete: Claim
    signature: bytes
    def __init__(self, at: _Optional[_Union[Position, _Mapping]] = ..., entities: _Optional[_Iterable[_Union[EntitySum, _Mapping]]] = ..., complete: _Optional[_Union[Claim, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Claim(_message.Message):
    __slots__ = ("started_ms", "finished_ms", "identity", "profile_hash")
    STARTED_MS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_MS_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_HASH_FIELD_NUMBER: _ClassVar[int]
    started_ms: int
    finished_ms: int
    identity: str
    profile_hash: str
    def __init__(self, started_ms: _Optional[int] = ..., finished_ms: _Optional[int] = ..., identity: _Optional[str] = ..., profile_hash: _Optional[str] = ...) -> None: ...

class LeafRequest(_message.Message):
    __slots__ = ("at", "buckets", "leaves")
    AT_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    at: Position
    buckets: _containers.RepeatedCompositeFieldContainer[BucketSums]
    leaves: _containers.RepeatedCompositeFieldContainer[LeafSums]
    def __init__(self, at: _Optional[_Union[Position, _Mapping]] = ..., buckets: _Optional[_Iterable[_Union[BucketSums, _Mapping]]] = ..., leaves: _Optional[_Iterable[_Union[LeafSums, _Mapping]]] = ...) -> None: ...

class BucketSums(_message.Message):
    __slots__ = ("entity", "rows", "sums")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    entity: int
    rows: _containers.RepeatedScalarFieldContainer[int]
    sums: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, entity: _Optional[int] = ..., rows: _Optional[_Iterable[int]] = ..., sums: _Optional[_Iterable[int]] = ...) -> None: ...

class LeafSums(_message.Message):
    __slots__ = ("entity", "bucket", "rows", "sums")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    entity: int
    bucket: int
    rows: _containers.RepeatedScalarFieldContainer[int]
    sums: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, entity: _Optional[int] = ..., bucket: _Optional[int] = ..., rows: _Optional[_Iterable[int]] = ..., sums: _Optional[_Iterable[int]] = ...) -> None: ...

class Compare(_message.Message):
    __slots__ = ("at", "equal", "entities", "buckets", "complete_ms", "stored_ms", "quarantined")
    AT_FIELD_NUMBER: _ClassVar[int]
    EQUAL_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_MS_FIELD_NUMBER: _ClassVar[int]
    STORED_MS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    at: Position
    equal: bool
    entities: _containers.RepeatedScalarFieldContainer[int]
    buckets: _containers.RepeatedCompositeFieldContainer[EntityBuckets]
    complete_ms: int
    stored_ms: int
    quarantined: int
    def __init__(self, at: _Optional[_Union[Position, _Mapping]] = ..., equal: _Optional[bool] = ..., entities: _Optional[_Iterable[int]] = ..., buckets: _Optional[_Iterable[_Union[EntityBuckets, _Mapping]]] = ..., complete_ms: _Optional[int] = ..., stored_ms: _Optional[int] = ..., quarantined: _Optional[int] = ...) -> None: ...

class EntityBuckets(_message.Message):
    __slots__ = ("entity", "buckets")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    entity: int
    buckets: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, entity: _Optional[int] = ..., buckets: _Optional[_Iterable[int]] = ...) -> None: ...

class Leaves(_message.Message):
    __slots__ = ("at", "leaves", "last")
    AT_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    at: Position
    leaves: _containers.RepeatedCompositeFieldContainer[Leaf]
    last: bool
    def __init__(self, at: _Optional[_Union[Position, _Mapping]] = ..., leaves: _Optional[_Iterable[_Union[Leaf, _Mapping]]] = ..., last: _Optional[bool] = ...) -> None: ...

class Leaf(_message.Message):
    __slots__ = ("entity", "leaf", "keys", "hashes")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    entity: int
    leaf: int
    keys: _containers.RepeatedScalarFieldContainer[str]
    hashes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, entity: _Optional[int] = ..., leaf: _Optional[int] = ..., keys: _Optional[_Iterable[str]] = ..., hashes: _Optional[_Iterable[int]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("at", "clock_ms", "fresh_ms", "outbox_rows", "outbox_bytes", "last_change_ms", "state", "held", "paused", "problem", "events", "sweep_permille", "source_rows")
    AT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    FRESH_MS_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_ROWS_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_CHANGE_MS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SWEEP_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ROWS_FIELD_NUMBER: _ClassVar[int]
    at: Position
    clock_ms: int
    fresh_ms: int
    outbox_rows: int
    outbox_bytes: int
    last_change_ms: int
    state: str
    held: _containers.RepeatedCompositeFieldContainer[Held]
    paused: _containers.RepeatedCompositeFieldContainer[Paused]
    problem: Problem
    events: _containers.RepeatedCompositeFieldContainer[Event]
    sweep_permille: int
    source_rows: int
    def __init__(self, at: _Optional[_Union[Position, _Mapping]] = ..., clock_ms: _Optional[int] = ..., fresh_ms: _Optional[int] = ..., outbox_rows: _Optional[int] = ..., outbox_bytes: _Optional[int] = ..., last_change_ms: _Optional[int] = ..., state: _Optional[str] = ..., held: _Optional[_Iterable[_Union[Held, _Mapping]]] = ..., paused: _Optional[_Iterable[_Union[Paused, _Mapping]]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., sweep_permille: _Optional[int] = ..., source_rows: _Optional[int] = ...) -> None: ...

class Held(_message.Message):
    __slots__ = ("entity", "deletes", "updates")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    DELETES_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    entity: int
    deletes: int
    updates: int
    def __init__(self, entity: _Optional[int] = ..., deletes: _Optional[int] = ..., updates: _Optional[int] = ...) -> None: ...

class Paused(_message.Message):
    __slots__ = ("entity", "code", "detail")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    entity: int
    code: str
    detail: str
    def __init__(self, entity: _Optional[int] = ..., code: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("code", "details", "at_ms")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    code: str
    details: _containers.ScalarMap[str, str]
    at_ms: int
    def __init__(self, code: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ..., at_ms: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("kind", "details", "at_ms")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KIND_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    details: _containers.ScalarMap[str, str]
    at_ms: int
    def __init__(self, kind: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ..., at_ms: _Optional[int] = ...) -> None: ...
