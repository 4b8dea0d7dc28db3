"""A BERT of two narrow blocks with words of its own, as a Hugging Face folder."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors.numpy import save_file

from paper_checks.bert.config import KEYS, BertConfig
from paper_checks.bert.encoder import Encoder, new_encoder
from paper_checks.bert.layers import Affine, Norm

WORDS = ("good", "bad", "film", "plot", "rare", "dull", "is", "the", "not", "very")
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)
CONFIG = BertConfig(
    vocabulary=len(VOCABULARY),
    width=32,
    layers=2,
    heads=4,
    inner=64,
    positions=32,
    # Larger than usual, so that narrow blocks do something.
    spread=0.2,
)


def small_encoder(seed: int = 0) -> Encoder:
    return new_encoder(CONFIG, seed)


def write_folder(folder: Path, encoder: Encoder | None = None) -> Path:
    """All of a folder, with `vocab.txt` and no tokenizer.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(as_json(CONFIG)))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    tensors = named_tensors(small_encoder() if encoder is None else encoder)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def as_json(config: BertConfig) -> dict[str, Any]:
    """The config in Hugging Face's words."""
    named = {key: getattr(config, name) for name, key in KEYS.items()}
    return {"model_type": "bert"} | named


def named_tensors(encoder: Encoder) -> dict[str, np.ndarray]:
    """Names and values of transformers' `BertModel`."""
    parts: dict[str, Affine | Norm] = {"embeddings.LayerNorm": encoder.norm}
    parts["pooler.dense"], d = encoder.pooler, encoder.config.width
    for i in range(encoder.config.layers):
        own = jax.tree.map(lambda leaf, i=i: leaf[i], encoder.blocks)
        block: dict[str, Affine | Norm] = {
            "attention.output.dense": own.output,
            "intermediate.dense": own.inner,
            "output.dense": own.outer,
            "attention.output.LayerNorm": own.attention_norm,
            "output.LayerNorm": own.norm,
        }
        for place, name in enumerate(("query", "key", "value")):
            cut = slice(place * d, (place + 1) * d)
            one = Affine(own.mixed.weight[:, cut], own.mixed.bias[cut])
            block[f"attention.self.{name}"] = one
        parts |= {f"encoder.layer.{i}.{name}": part for name, part in block.items()}
    found = {
        "embeddings.word_embeddings.weight": encoder.pieces,
        "embeddings.position_embeddings.weight": encoder.positions,
        "embeddings.token_type_embeddings.weight": encoder.kinds,
    }
    for name, part in parts.items():
        affine = isinstance(part, Affine)
        # PyTorch keeps outputs x inputs.
        found[f"{name}.weight"] = part.weight.T if affine else part.scale
        found[f"{name}.bias"] = part.bias if affine else part.offset
    return {name: np.ascontiguousarray(values) for name, values in found.items()}
