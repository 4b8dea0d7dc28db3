"""One module a study: a frozen dataclass of axes, and `run(spec, progress)`."""
