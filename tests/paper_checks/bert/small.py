"""A BERT of two narrow blocks with words of its own, as a Hugging Face folder."""

import json
from pathlib import Path

from paper_checks.bert.config import BertConfig, as_json
from paper_checks.bert.encoder import Encoder, new_encoder
from paper_checks.bert.weights import save_encoder

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
    save_encoder(small_encoder() if encoder is None else encoder,
                 folder / "model.safetensors")  # fmt: skip
    return folder
