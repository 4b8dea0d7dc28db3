"""The answer as a reader meets it: on a terminal, and as Markdown."""
