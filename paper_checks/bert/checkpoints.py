"""States of a run on disk, by orbax: each whole or not at all, on any layout."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from jaxtyping import PyTree

KEPT = 2


class Checkpoints:
    """Checkpoints of one run, the last two of them.

    A checkpoint is written beside and renamed, so that a kill leaves the one before.
    It may be restored to other devices, cut into other pieces.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        """Open a folder; it is made if it is not there.

        Args:
            folder: Of this run alone.
            about: What the run is, JSON's types; a checkpoint of another is refused.
        """
        # As it is read back: tuples are lists.
        self.folder, self.about = folder, json.loads(json.dumps(about))
        options = ocp.CheckpointManagerOptions(
            max_to_keep=KEPT, create=True, enable_async_checkpointing=False
        )
        self._manager = ocp.CheckpointManager(folder.resolve(), options=options)

    def __enter__(self) -> "Checkpoints":
        """Keep it open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._manager.close()

    def save(self, step: int, state: PyTree, losses: Sequence[float]) -> None:
        """Write a state and the losses of all steps so far."""
        kept = {"about": self.about, "losses": list(losses)}
        self._manager.save(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(_flat(state)), run=ocp.args.JsonSave(kept)
            ),
            force=True,
        )
        self._manager.wait_until_finished()

    def restore(self, shapes: PyTree) -> tuple[PyTree, list[float]] | None:
        """The last state, laid out as `shapes` says; `None` if there is none.

        Raises:
            ValueError: It is of another run; the message names what differs.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        only = ocp.args.Composite(run=ocp.args.JsonRestore())
        kept: Any = self._manager.restore(step, args=only)["run"]
        self._refuse_others(kept["about"], step)
        whole = ocp.args.Composite(state=ocp.args.StandardRestore(_flat(shapes)))
        flat: Any = self._manager.restore(step, args=whole)["state"]
        form = jax.tree.structure(shapes)
        state = jax.tree.unflatten(form, [flat[name] for name in _flat(shapes)])
        return state, [float(loss) for loss in kept["losses"]]

    def _refuse_others(self, found: dict[str, Any], step: int) -> None:
        wrong = [
            f"{name} {found.get(name)!r}, asked for {self.about.get(name)!r}"
            for name in {**found, **self.about}
            if found.get(name) != self.about.get(name)
        ]
        if wrong:
            raise ValueError(
                f"{self.folder} has a checkpoint (step {step}) of another run: "
                f"{'; '.join(wrong)}. Delete it or name another folder"
            )


def _flat(tree: PyTree) -> dict[str, Any]:
    """Arrays by their place in the tree, in order: no class is needed to read them."""
    listed = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): leaf for path, leaf in listed}
