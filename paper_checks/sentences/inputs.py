"""What an encoder sees of a corpus: rows of a table of vectors, 32-bit."""

import equinox as eqx
import numpy as np
from jaxtyping import Float32, Int32

from paper_checks.data.corpus import Corpus
from paper_checks.data.vectors import WordVectors
from paper_checks.networks.encoders import Kind

# Longer texts are cut: 17 of the 50,608 of the six sets.
LONGEST = 80


class Inputs(eqx.Module):
    """Texts as numbers of rows of `table`; row 0 is padding and zero.

    `table` has one scale: the root of the mean square of its entries is 1.
    """

    table: Float32[np.ndarray, "v d"]
    places: Int32[np.ndarray, "n l"]
    labels: Int32[np.ndarray, " n"]

    @property
    def lengths(self) -> Int32[np.ndarray, " n"]:
        """Tokens of every text."""
        return np.count_nonzero(self.places, axis=1).astype(np.int32)

    def gram(self, rows: np.ndarray) -> np.ndarray:
        """`XᵀX` of the vectors of some texts, all their tokens, in 64 bits."""
        seen = np.bincount(self.places[rows].ravel(), minlength=len(self.table))
        table = self.table.astype(np.float64)
        return (table * seen[:, None]).T @ table


def encoder_inputs(corpus: Corpus, vectors: WordVectors, kind: Kind) -> Inputs:
    """Look up the tokens of a corpus.

    Tokens without a vector are left out, and texts of more than 80 tokens are cut. An
    empty text has no row at all. For `mlp` a text is one row, the mean of its vectors:
    the mean of `E R` is that of `E` times `R`, so nothing else changes and training
    takes a small part of the time.

    Raises:
        ValueError: No token of any text has a vector.
    """
    words = sorted(
        {token for text in corpus.tokens for token in text if token in vectors.row}
    )
    if not words:
        raise ValueError(f"{vectors.source} has a vector for none of the tokens")
    place = {word: index + 1 for index, word in enumerate(words)}
    table = _scaled(vectors.vectors[[vectors.row[word] for word in words]])
    known = [
        [place[token] for token in text if token in place][:LONGEST]
        for text in corpus.tokens
    ]
    places = np.zeros((len(known), max(map(len, known))), dtype=np.int32)
    for row, text in enumerate(known):
        places[row, : len(text)] = text
    labels = corpus.labels.astype(np.int32)
    if kind != "mlp":
        return Inputs(table, places, labels)
    count = np.count_nonzero(places, axis=1)
    sums = np.stack([table[text].sum(axis=0) for text in known])
    mean = _scaled(sums / np.maximum(count, 1)[:, None])
    own = np.where(count > 0, np.arange(1, len(known) + 1), 0)
    return Inputs(mean, own[:, None].astype(np.int32), labels)


def _scaled(rows: np.ndarray) -> Float32[np.ndarray, "v d"]:
    size = np.sqrt(np.mean(np.square(rows, dtype=np.float64)))
    padded = np.concatenate([np.zeros((1, rows.shape[1])), rows / size])
    return padded.astype(np.float32)
