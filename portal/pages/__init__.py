"""The pages: one group per file, thin: ask, view, render."""
