"""The portal: what people read. Read-only on school data: its database role has no right to write any."""
