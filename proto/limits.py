"""Sizes and versions that both ends hold each other to: one number, one reason each."""

from typing import Final

PROTOCOL: Final = 1
"""Version of the stream. A collector speaks this one and the one before it."""

SCHEMA: Final = 1
"""Version of the canonical entities: grows when an entity or a field is added."""

MAX_ROWS: Final = 10_000
"""Rows in one envelope: a transaction of a tenth of a second at the centre, so that live changes never wait long."""

TARGET_BATCH_BYTES: Final = 1 << 20
"""Sealed bytes at which an envelope is closed: 30 s of a 256 kbit/s line."""

MAX_VALUE_CHARS: Final = 256 * 1024
"""A longer value is not shipped but reported as oversize, so that one row can never outgrow an envelope."""

MAX_BATCH_BYTES: Final = 32 << 20
"""A batch after decompression: bounds what a hostile or broken agent can make the collector hold in memory."""

MAX_ENVELOPE_BYTES: Final = 4 << 20
"""An envelope on the wire; gRPC's own default for a message, so that no hop needs another setting."""

MAX_HEADER_BYTES: Final = 64 << 10
"""An envelope's header: counts of some thirty entities take 2 KiB."""

MAX_KEY_CHARS: Final = 200
"""A canonical key: a composite of four GUIDs takes 147."""

MAX_FRAME_BYTES: Final = MAX_ENVELOPE_BYTES + MAX_HEADER_BYTES + 4096
"""Any frame of the stream; gRPC refuses more before it is read into memory."""

CLOCK_SKEW_S: Final = 300
"""An agent's clock may differ by this much before it is told so."""
