"""The department's store: tables, doors, keys, and queries by subject. The portal may use only this part of the collector."""
