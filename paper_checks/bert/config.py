"""The shape of a BERT, as `config.json` of a Hugging Face folder states it."""

import json
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

# Our field: Hugging Face's key.
KEYS = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "positions": "max_position_embeddings",
    "kinds": "type_vocab_size",
    "epsilon": "layer_norm_eps",
    "activation": "hidden_act",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "spread": "initializer_range",
}
ACTIVATIONS = ("gelu", "gelu_new", "relu")


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """Sizes of a BERT; defaults are those that transformers takes for missing keys.

    Attributes:
        vocabulary: Word pieces.
        width: Entries `d` of a token's vector.
        layers: Blocks of attention and two affine maps.
        heads: Of attention; they divide `d`.
        inner: Width between the two affine maps of a block.
        positions: Longest sequence.
        kinds: Segments of a sequence.
        epsilon: Added to variances that are divided by.
        activation: `gelu` (by the error function), `gelu_new` (by tanh) or `relu`.
        dropout: Share of entries dropped after embeddings, attention and blocks.
        attention_dropout: Share of attention weights dropped.
        spread: Standard deviation of the weights drawn.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    kinds: int = 2
    epsilon: float = 1e-12
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    spread: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what is no BERT.

        Raises:
            ValueError: The message names Hugging Face's key.
        """
        for field in fields(self):
            value, key = getattr(self, field.name), KEYS[field.name]
            if field.type is int and value < 1:
                raise ValueError(f"{key} must be >= 1, got {value}")
        if self.width % self.heads:
            raise ValueError(
                f"hidden_size {self.width} is no multiple of num_attention_heads "
                f"{self.heads}"
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"hidden_act must be one of {ACTIVATIONS}, got {self.activation!r}"
            )
        for name in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{KEYS[name]} must be in [0, 1), got {getattr(self, name)}"
                )
        if not 0 < self.epsilon < 1:
            raise ValueError(f"layer_norm_eps must be in (0, 1), got {self.epsilon}")

    @property
    def parameters(self) -> int:
        """Numbers in the encoder, with its pooler."""
        d, f = self.width, self.inner
        table = (self.vocabulary + self.positions + self.kinds) * d + 2 * d
        block = 4 * (d * d + d) + (d * f + f) + (f * d + d) + 4 * d
        return table + self.layers * block + d * d + d


def _uncased(width: int, layers: int) -> BertConfig:
    return BertConfig(
        vocabulary=30522,
        width=width,
        layers=layers,
        heads=width // 64,
        inner=4 * width,
        positions=512,
    )


# Shapes of published models, for plans and for weights drawn at random.
SHAPES = {
    "bert-large-uncased": _uncased(1024, 24),
    "bert-base-uncased": _uncased(768, 12),
    "all-MiniLM-L6-v2": BertConfig(
        vocabulary=30522, width=384, layers=6, heads=12, inner=1536, positions=512
    ),
}


def read_config(path: Path) -> BertConfig:
    """Read `config.json`.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is not JSON, is of another architecture, lacks a key or has a
            value that no BERT has. The message names the file and the key.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: a Hugging Face folder has config.json, "
            "model.safetensors and tokenizer.json or vocab.txt"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold an object, got {type(found).__name__}")
    _refuse_others(found, path)
    for field in fields(BertConfig):
        if KEYS[field.name] not in found and field.default is MISSING:
            raise ValueError(f"{path} has no key {KEYS[field.name]!r}")
    values = {name: found[key] for name, key in KEYS.items() if key in found}
    try:
        return BertConfig(**{name: _typed(name, one) for name, one in values.items()})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _typed(name: str, value: Any) -> Any:
    """A value of the type of its field, as JSON may have another."""
    kind: Any = {field.name: field.type for field in fields(BertConfig)}[name]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        said = {int: "a whole number", float: "a number", str: "a word"}[kind]
        raise ValueError(f"{KEYS[name]} must be {said}, got {value!r}")
    return value


def _refuse_others(found: dict[str, Any], path: Path) -> None:
    kind = found.get("model_type", "bert")
    if kind != "bert":
        raise ValueError(f"{path}: model_type is {kind!r}; only 'bert' is known")
    places = found.get("position_embedding_type", "absolute")
    if places not in ("absolute", None):
        raise ValueError(
            f"{path}: position_embedding_type is {places!r}; only 'absolute' is known"
        )
    if found.get("is_decoder"):
        raise ValueError(f"{path}: is_decoder is set; only encoders are known")
