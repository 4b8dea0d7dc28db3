"""Weights of a BERT from `model.safetensors`."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open

from paper_checks.bert.config import BertConfig
from paper_checks.bert.encoder import Encoder
from paper_checks.bert.layers import Affine, Block, Norm

# Files that run code of their own when they are read; never read here.
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
WEIGHTS = "model.safetensors"
# Parts of models with heads that are no part of the encoder.
PREFIXES = ("", "bert.")

Read = Callable[..., Float[np.ndarray, "..."]]


def load_encoder(folder: Path, config: BertConfig) -> Encoder:
    """Read the weights of a folder, 32-bit.

    `BertModel` and models with heads are read alike; heads are left out.

    Raises:
        FileNotFoundError: There are no weights.
        ValueError: There are only pickled ones, which are refused; the file is
            damaged; a tensor is missing or of another shape than the config says, or
            not finite. The message names the tensor.
    """
    path = weights_path(folder)
    try:
        with safe_open(path, "numpy") as file:
            return _assemble(_Tensors(file, path).read, config)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def weights_path(folder: Path) -> Path:
    """The file of weights.

    Raises:
        FileNotFoundError, ValueError: As `load_encoder`.
    """
    path = folder / WEIGHTS
    if path.is_file():
        return path
    pickled = sorted(
        file.name for file in folder.glob("*") if file.suffix.lower() in PICKLED
    )
    if pickled:
        raise ValueError(
            f"{folder} has its weights in {pickled[0]}, a pickle file, which runs code "
            f"when it is read and is refused: convert it to {WEIGHTS}"
        )
    raise FileNotFoundError(f"{folder} has no {WEIGHTS}")


class _Tensors:
    """Tensors of a file by the names of `BertModel`, checked."""

    def __init__(self, file: safe_open, path: Path) -> None:
        self.file, self.path = file, path
        self.names = set(file.keys())

    def read(self, name: str, *shape: int) -> Float[np.ndarray, "..."]:
        found = self._named(name)
        if found is None:
            raise ValueError(f"{self.path} has no tensor {name!r}")
        stored = tuple(self.file.get_slice(found).get_shape())
        if stored != shape:
            raise ValueError(
                f"{self.path}: tensor {name!r} has shape {stored}, and by config.json "
                f"it is {shape}"
            )
        values = np.asarray(self.file.get_tensor(found)).astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{self.path}: tensor {name!r} has a NaN or an infinity")
        return values

    def _named(self, name: str) -> str | None:
        """The name in the file: older ones call a norm's weights gamma and beta."""
        old = name
        if "LayerNorm" in name:
            old = name.removesuffix("weight").removesuffix("bias")
            old += "gamma" if name.endswith("weight") else "beta"
        for prefix in PREFIXES:
            for one in (name, old):
                if prefix + one in self.names:
                    return prefix + one
        return None


def _assemble(read: Read, config: BertConfig) -> Encoder:
    d, f, n = config.width, config.inner, config.layers

    def affine(name: str, i: int, o: int) -> tuple[np.ndarray, np.ndarray]:
        # PyTorch keeps outputs x inputs.
        return read(f"{name}.weight", o, i).T, read(f"{name}.bias", o)

    def norm(name: str) -> tuple[np.ndarray, np.ndarray]:
        return read(f"{name}.weight", d), read(f"{name}.bias", d)

    def every(part: Callable[..., tuple], name: str, *sizes: int) -> tuple:
        found = [part(f"encoder.layer.{i}.{name}", *sizes) for i in range(n)]
        return tuple(
            jnp.asarray(np.stack(arrays)) for arrays in zip(*found, strict=True)
        )

    parts = [
        every(affine, f"attention.self.{x}", d, d) for x in ("query", "key", "value")
    ]
    mixed = tuple(
        jnp.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)
    )
    return Encoder(
        pieces=jnp.asarray(
            read("embeddings.word_embeddings.weight", config.vocabulary, d)
        ),
        positions=jnp.asarray(
            read("embeddings.position_embeddings.weight", config.positions, d)
        ),
        kinds=jnp.asarray(
            read("embeddings.token_type_embeddings.weight", config.kinds, d)
        ),
        norm=Norm(*map(jnp.asarray, norm("embeddings.LayerNorm"))),
        blocks=Block(
            mixed=Affine(*mixed),
            output=Affine(*every(affine, "attention.output.dense", d, d)),
            attention_norm=Norm(*every(norm, "attention.output.LayerNorm")),
            inner=Affine(*every(affine, "intermediate.dense", d, f)),
            outer=Affine(*every(affine, "output.dense", f, d)),
            norm=Norm(*every(norm, "output.LayerNorm")),
        ),
        pooler=Affine(*map(jnp.asarray, affine("pooler.dense", d, d))),
        config=config,
    )
