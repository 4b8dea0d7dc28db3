"""What a store of cells holds, in words."""

from pathlib import Path

from simulations.engine.lock import holder
from simulations.engine.store_files import open_store


def describe(path: Path, *, check: bool = False) -> str:
    """Say what a store is of, how far it is, and who runs on it.

    Args:
        path: Of the store; it is not written to.
        check: Compare every chunk with its checksum.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no store of cells.
    """
    store = open_store(path, write=False)
    found, layout, done = store.attributes, store.layout, store.done()
    cells = store.cells_in(done)
    axes = " x ".join(f"{axis.name} {len(axis):,}" for axis in store.axes)
    origin = found["origins"][-1]
    lines = [
        f"{path}: {found['experiment']}, {axes}",
        f"{cells:,} of {layout.cells:,} cells done ({cells / layout.cells:.1%}), "
        f"{len(done):,} of {layout.chunks:,} chunks of up to {layout.size:,} cells",
        f"columns {', '.join(found['columns'])}; spec {found['spec']}",
        f"version {origin['version']}, code {origin['code'][:12]}, "
        f"jax {origin['jax']}, {origin['float_bits']} bits, {origin['backend']} "
        f"({origin['device']})"
        + (f", {len(found['origins'])} origins" if len(found["origins"]) > 1 else ""),
    ]
    if check:
        damaged = [chunk for chunk in sorted(done) if store.read(chunk) is None]
        lines.append(
            f"{len(damaged)} damaged chunks {damaged[:10]}: resume computes them again"
            if damaged
            else "every chunk is as it was written"
        )
    running = holder(path)
    if running:
        lines.append(f"in use by {running}")
    return "\n".join(lines)
