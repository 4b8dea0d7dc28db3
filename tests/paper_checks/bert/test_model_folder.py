"""What is wrong with a model's folder is said by name."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from paper_checks.bert.config import SHAPES, BertConfig, read_config
from paper_checks.bert.problem import find_folder
from paper_checks.bert.tokens import encode, load_tokenizer
from paper_checks.bert.weights import load_encoder
from tests.paper_checks.bert.small import (
    CONFIG,
    as_json,
    small_encoder,
    write_folder,
)


@pytest.mark.parametrize("old", [False, True])
def test_weights_come_back_as_they_were_written(tmp_path: Path, old: bool):
    """Older names of norms, a prefix, and heads change nothing."""
    wanted = small_encoder()
    path = write_folder(tmp_path, wanted) / "model.safetensors"
    if old:
        tensors = {"cls.predictions.bias": np.zeros(3, np.float32)}
        for name, values in load_file(path).items():
            if "LayerNorm" in name:
                name = name.replace("weight", "gamma").replace("bias", "beta")
            tensors[f"bert.{name}"] = values
        save_file(tensors, path)
    found = load_encoder(tmp_path, read_config(tmp_path / "config.json"))
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype == np.float32
        assert np.array_equal(a, b)


def test_the_count_of_parameters_is_that_of_the_arrays():
    total = sum(leaf.size for leaf in jax.tree.leaves(small_encoder()))
    assert total == CONFIG.parameters
    # As its authors print; 340 with the head of pretraining.
    assert round(SHAPES["bert-large-uncased"].parameters, -6) == 335_000_000


def change(name: str, values: np.ndarray | None) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        if values is None:
            del tensors[name]
        else:
            tensors[name] = values
        save_file(tensors, path)

    return damage


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


POOLER = "pooler.dense.weight"
DAMAGES = {
    "missing": (change(POOLER, None), "no tensor 'pooler.dense.weight'"),
    "shape": (
        change(POOLER, np.zeros((3, 32), np.float32)),
        r"'pooler.dense.weight' has shape \(3, 32\), and by config.json it is \(32",
    ),
    "nan": (
        change(POOLER, np.full((32, 32), np.nan, np.float32)),
        "'pooler.dense.weight' has a NaN",
    ),
    "pickle": (pickled, "pytorch_model.bin, a pickle file, .* refused"),
    "truncated": (truncated, "is damaged"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_weights_that_do_not_fit_are_named(what: str, tmp_path: Path):
    damage, said = DAMAGES[what]
    damage(write_folder(tmp_path))
    with pytest.raises(ValueError, match=said):
        load_encoder(tmp_path, CONFIG)


def test_no_weights_at_all_is_said(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors"):
        load_encoder(tmp_path, CONFIG)


BAD_CONFIGS = {
    "hidden_size": ({"hidden_size": "32"}, "hidden_size must be a whole number"),
    "heads": ({"num_attention_heads": 5}, "no multiple of num_attention_heads 5"),
    "act": ({"hidden_act": "swish"}, "hidden_act must be one of .*'swish'"),
    "kind": ({"model_type": "gpt2"}, "model_type is 'gpt2'"),
    "places": ({"position_embedding_type": "relative_key"}, "only 'absolute'"),
    "decoder": ({"is_decoder": True}, "is_decoder is set"),
    "share": ({"hidden_dropout_prob": 1.0}, r"hidden_dropout_prob must be in \[0, 1\)"),
    "none": ({"vocab_size": None}, "vocab_size must be a whole number"),
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_configs_of_no_bert_are_refused(what: str, tmp_path: Path):
    changed, said = BAD_CONFIGS[what]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(as_json(CONFIG) | changed))
    with pytest.raises(ValueError, match=said):
        read_config(path)


def test_a_config_that_is_none_is_refused(tmp_path: Path):
    path = tmp_path / "config.json"
    with pytest.raises(FileNotFoundError, match=r"config\.json is missing"):
        read_config(path)
    for text, said in (("{", "not JSON"), ("[]", "object"), ("{}", "no key 'vocab")):
        path.write_text(text)
        with pytest.raises(ValueError, match=said):
            read_config(path)


def test_a_tokenizer_is_made_from_words_and_keeps_pairs_apart(tmp_path: Path):
    tokenizer = load_tokenizer(write_folder(tmp_path), CONFIG)
    found = encode(tokenizer, [("Good film", "not GOOD"), ("dull zebra",)], 16)
    # [CLS] good film [SEP] not good [SEP]
    assert found.pieces[0].tolist() == [2, 5, 7, 3, 13, 5, 3]
    assert found.kinds[0].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert found.pieces[1].tolist() == [2, 10, 1, 3]
    assert found.cut == 0
    # Long texts are cut and counted.
    found = encode(tokenizer, [("good " * 30, "bad"), ("good", "bad")], 8)
    assert found.pieces[0].tolist() == [2, 5, 5, 5, 5, 3, 6, 3]
    assert found.cut == 1
    with pytest.raises(ValueError, match="text 1 is empty"):
        encode(tokenizer, [("good",), (" ",)], 16)
    with pytest.raises(ValueError, match=r"length must be in 8 to 512, .* got 513"):
        encode(tokenizer, [("good",)], 513)


def test_tokenizers_that_do_not_fit_are_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"neither tokenizer\.json nor vocab"):
        load_tokenizer(tmp_path, CONFIG)
    folder = write_folder(tmp_path)
    fewer = BertConfig(vocabulary=9, width=4, layers=1, heads=1, inner=4, positions=8)
    with pytest.raises(ValueError, match=r"15 word pieces and config\.json says"):
        load_tokenizer(folder, fewer)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json cannot be read"):
        load_tokenizer(folder, CONFIG)
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("good\n")
    with pytest.raises(ValueError, match=r"has no \[UNK\], \[CLS\], \[SEP\]"):
        load_tokenizer(folder, CONFIG)


def test_unknown_models_are_refused_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"no model 'no/such-model'.*HF_HUB_OFFLINE"):
        find_folder("no/such-model")
    # As if the package were not there; a name alone needs it.
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "huggingface_hub", None)
        with pytest.raises(ValueError, match="pip install huggingface_hub, or give"):
            find_folder("no/such-model")
        assert find_folder(tmp_path) == tmp_path
    with pytest.raises(ValueError, match="there is no folder"):
        find_folder(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        find_folder(tmp_path / "file")
    assert find_folder(tmp_path) == tmp_path
