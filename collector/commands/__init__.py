"""The collector's commands, by subject: parse, call, print. What they do stands elsewhere."""
