-- The agent's state: one file, one writer. Fingerprint tables (fp_<entity number>) are made when an entity is first seen.

-- Positions and marks by name; see agent/state/store.py for the names.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Sealed envelopes from capture to receipt:
--
--     acked ──▶ [ acked+1 │ … │ sent │ … │ last ] ◀── capture
--                └─ in flight ─┘
CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL,
    rows     INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    data     BLOB NOT NULL      -- serialised Envelope; sealed, so nobody here can read it
);

-- Keys deleted in an envelope that has no receipt yet: an answer about an older head must not bring them back.
CREATE TABLE gone (entity INTEGER, key, tick INTEGER NOT NULL, PRIMARY KEY (entity, key)) WITHOUT ROWID;

-- Keys to be read again from the source, whatever the sweeps do (Adopt, confirmations).
CREATE TABLE reread (entity INTEGER, key, PRIMARY KEY (entity, key)) WITHOUT ROWID;

-- Changes that the guard holds: kind 'd' deletion, 'u' update.
CREATE TABLE held (entity INTEGER, key, kind TEXT NOT NULL, PRIMARY KEY (entity, key)) WITHOUT ROWID;

-- Deletions and updates by hour (UTC), for the guard's 24 hours.
CREATE TABLE counted (entity INTEGER, hour INTEGER, deleted INTEGER NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (entity, hour)) WITHOUT ROWID;

-- What of that waits in the outbox: the centre's own count, told in Welcome, does not know it yet.
CREATE TABLE waiting (tick INTEGER NOT NULL, entity INTEGER NOT NULL, deleted INTEGER NOT NULL, updated INTEGER NOT NULL);

-- High-water marks of hints, as the source gave them (JSON).
CREATE TABLE hint_mark (entity INTEGER PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;

-- School-years that the source closed, as captured.
CREATE TABLE closed_year (year TEXT PRIMARY KEY) WITHOUT ROWID;

-- Entities that cannot be read (drift, duplicate keys), with the problem.
CREATE TABLE paused (entity INTEGER PRIMARY KEY, code TEXT NOT NULL, details TEXT NOT NULL) WITHOUT ROWID;

-- Types of the result columns of each entity at its last sweep (JSON), for drift.
CREATE TABLE described (entity INTEGER PRIMARY KEY, columns TEXT NOT NULL) WITHOUT ROWID;

-- Events not yet told to the department.
CREATE TABLE event (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, details TEXT NOT NULL, at INTEGER NOT NULL);
