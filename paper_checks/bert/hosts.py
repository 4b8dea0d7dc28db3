"""One run over several machines, each with a process and devices of its own."""

import jax


def join(
    coordinator: str | None, processes: int | None, number: int | None
) -> tuple[int, int]:
    """Join the other processes of a run, before jax is first used.

    Every process runs the same command. On Slurm, and on TPU pods, nothing need be
    given: jax finds the others by itself once `coordinator` is `auto`.

    Args:
        coordinator: `host:port` of process 0, `auto`, or `None` for a single process.
        processes: How many there are.
        number: Of this one, from 0.

    Returns:
        This process's number, and how many there are.

    Raises:
        ValueError: Some of the three are missing, or the number is out of range.
    """
    if coordinator is None:
        if processes is not None or number is not None:
            raise ValueError("processes and process need coordinator, host:port")
        return 0, 1
    if coordinator == "auto":
        jax.distributed.initialize()
        return jax.process_index(), jax.process_count()
    if ":" not in coordinator or processes is None or number is None:
        raise ValueError(
            "coordinator must be host:port, with processes and process; got "
            f"{coordinator!r}, {processes} and {number}"
        )
    if not 0 <= number < processes:
        raise ValueError(f"process must be in 0 to {processes - 1}, got {number}")
    jax.distributed.initialize(coordinator, processes, number)
    return jax.process_index(), jax.process_count()
