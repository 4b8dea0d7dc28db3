"""An instance in a small file: reloads, and reproduces what was found."""

import json
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from paper_checks.judge.search import Worst
from paper_checks.judge.statement import Outcome, Statement, StatementError, examine
from simulations.files import replace_file

LATENT = "latent/"


class Reproduced(NamedTuple):
    """A saved instance, put to its statement again."""

    worst: Worst
    outcome: Outcome

    @property
    def same(self) -> bool:
        """Whether it breaks the statement now if and only if it did then."""
        return bool(self.outcome.broken) == self.worst.broken


def save(path: Path, statement: Statement[Any], worst: Worst) -> Path:
    """Write the instance as `.npz`, whole or not at all."""
    about = {
        "statement": statement.name,
        "version": statement.version,
        "ratio": worst.ratio,
        "broken": worst.broken,
        "dropped": worst.dropped,
        "jax": metadata.version("jax"),
        "numpy": metadata.version("numpy"),
    }
    arrays = {LATENT + name: np.asarray(v) for name, v in worst.latent.items()}
    arrays["key"] = np.asarray(worst.key)
    arrays["about"] = np.asarray(json.dumps(about))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as new:
        np.savez_compressed(new, allow_pickle=False, **arrays)
    return path


def load(path: Path, statement: Statement[Any]) -> Worst:
    """Read an instance that `save` wrote for this statement.

    Raises:
        StatementError: The file is not such an instance, or one of another statement,
            version or shape. The message names the file.
        OSError: It cannot be read.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays["about"]))
        key = arrays["key"]
        name, version = about["statement"], about["version"]
        found = float(about["ratio"]), bool(about["broken"]), about["dropped"]
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise StatementError(
            f"{path} is not an instance that was saved here: {error}"
        ) from error
    if (name, version) != (statement.name, statement.version):
        raise StatementError(
            f"{path} is an instance of '{name}', version {version}; asked for "
            f"'{statement.name}', version {statement.version}: search for one anew"
        )
    latent = {
        name.removeprefix(LATENT): value
        for name, value in arrays.items()
        if name.startswith(LATENT)
    }
    shapes = {name: value.shape for name, value in latent.items()}
    wanted = {name: tuple(shape) for name, shape in statement.latent.items()}
    if shapes != wanted:
        raise StatementError(f"{path} has arrays of shapes {shapes}, wanted {wanted}")
    return Worst(latent, key, *found)


def reproduce(path: Path | str, statement: Statement[Any]) -> Reproduced:
    """Load an instance and put it to the statement again, with the draw it had."""
    worst = load(Path(path), statement)
    latent = {name: jnp.asarray(value) for name, value in worst.latent.items()}
    key = jax.random.wrap_key_data(jnp.asarray(worst.key))
    outcome = jax.jit(examine, static_argnums=0)(
        statement, statement.place(worst.dropped), latent, key
    )
    return Reproduced(worst, outcome)
