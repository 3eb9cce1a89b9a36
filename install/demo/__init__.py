"""The demo city: a deterministic simulator of schools and their journal databases, and the command that runs it."""
