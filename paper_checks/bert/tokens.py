"""Texts as numbers of word pieces, by the tokenizer of a Hugging Face folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int32
from tokenizers import Tokenizer
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

from paper_checks.bert.config import BertConfig

# BERT's positions end here, whatever the text.
LONGEST = 512


class Encoded(NamedTuple):
    """Word pieces of every text, `[CLS] first [SEP] second [SEP]`, and segments."""

    pieces: tuple[Int32[np.ndarray, " _"], ...]
    kinds: tuple[Int32[np.ndarray, " _"], ...]
    cut: int  # texts that were longer and are cut

    @property
    def lengths(self) -> Int[np.ndarray, " n"]:
        """Word pieces of every text."""
        return np.array([len(one) for one in self.pieces], dtype=np.int64)


def load_tokenizer(folder: Path, config: BertConfig) -> Tokenizer:
    """Read `tokenizer.json`, or make one from `vocab.txt`.

    Raises:
        FileNotFoundError: The folder has neither.
        ValueError: It cannot be read, or has more word pieces than the model.
    """
    path, words = folder / "tokenizer.json", folder / "vocab.txt"
    if path.is_file():
        try:
            found = Tokenizer.from_file(str(path))
        except Exception as error:
            # tokenizers raises a bare Exception on damaged files.
            raise ValueError(f"{path} cannot be read: {error}") from error
    elif words.is_file():
        found = _from_words(words)
    else:
        raise FileNotFoundError(
            f"{folder} has no tokenizer: neither tokenizer.json nor vocab.txt"
        )
    if found.get_vocab_size() > config.vocabulary:
        raise ValueError(
            f"the tokenizer of {folder} has {found.get_vocab_size()} word pieces and "
            f"config.json says vocab_size {config.vocabulary}"
        )
    return found


def _from_words(path: Path) -> Tokenizer:
    lines = path.read_text(encoding="utf-8").splitlines()
    numbers = {word: place for place, word in enumerate(lines)}
    absent = [one for one in ("[UNK]", "[CLS]", "[SEP]") if one not in numbers]
    if absent:
        raise ValueError(f"{path} has no {', '.join(absent)}")
    about = path.with_name("tokenizer_config.json")
    lower = True
    if about.is_file():
        lower = bool(json.loads(about.read_text()).get("do_lower_case", True))
    made = BertWordPieceTokenizer(numbers, lowercase=lower)
    return Tokenizer.from_str(made.to_str())


def encode(
    tokenizer: Tokenizer, texts: Sequence[Sequence[str]], longest: int
) -> Encoded:
    """Word pieces of texts, or of pairs of them.

    Args:
        tokenizer: Of the model.
        texts: One or two strings each.
        longest: Longer texts are cut, of a pair the longer one first.

    Raises:
        ValueError: A text without a word, named by its place, or `longest` outside
            of 8 to 512.
    """
    if not 8 <= longest <= LONGEST:
        raise ValueError(
            f"length must be in 8 to {LONGEST}, the most that BERT has positions for, "
            f"got {longest}"
        )
    for place, row in enumerate(texts):
        if not row or any(not text.strip() for text in row):
            raise ValueError(f"text {place} is empty: {tuple(row)!r}")
    # A copy: the caller's own settings stay.
    mine = Tokenizer.from_str(tokenizer.to_str())
    mine.no_padding()
    mine.enable_truncation(longest, strategy="longest_first")
    rows = [row[0] if len(row) == 1 else (row[0], row[1]) for row in texts]
    found = mine.encode_batch(rows)
    return Encoded(
        pieces=tuple(np.array(one.ids, dtype=np.int32) for one in found),
        kinds=tuple(np.array(one.type_ids, dtype=np.int32) for one in found),
        cut=sum(bool(one.overflowing) for one in found),
    )
