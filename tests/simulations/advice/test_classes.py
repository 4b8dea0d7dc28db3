"""Labels that are classes: what is recognised, and what pooling them gains."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.linear_model import LogisticRegression

from simulations.advice import classes
from simulations.advice.advise import advise
from simulations.advice.classes import class_folds, class_gains
from simulations.advice.rows import centred_rows
from simulations.advice.sentences import class_scores
from tests.simulations.advice.tables import shops
from theory.classes import logistic

FEW = ["harbour", "beach", "station", "office"]


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    frame = shops()
    return pd.DataFrame(frame[frame.shop.isin(FEW)]).reset_index(drop=True)


@pytest.fixture(scope="module")
def answer(clean: pd.DataFrame) -> xr.Dataset:
    return advise(clean.assign(sales=(clean.sales > 5).astype(int)), task="shop")


def test_two_values_are_classes_in_numbers_and_in_words(clean, answer):
    assert answer.attrs["method"] == "logistic"
    assert any("2 classes: 0, 1" in note for note in answer.attrs["notes"])
    words = clean.assign(sales=np.where(clean.sales > 5, "yes", "no"))
    found = advise(words, task="shop", label="sales")
    flags = advise(clean.assign(sales=clean.sales > 5), task="shop", label="sales")
    for other in (found, flags):
        assert other.attrs["method"] == "logistic"
        np.testing.assert_allclose(other["gain"], answer["gain"], rtol=1e-9)
    said = class_scores(answer)
    assert len(said) == 4
    assert all("AUC" in text and "accuracy" in text for text in said)
    assert answer["auc_alone"].min() > 0.5


def test_three_classes_are_answered_whatever_their_order(clean):
    names = np.array(["low", "mid", "high"])
    three = pd.Series(names[np.digitize(clean.sales, [3, 7])])
    found = advise(clean.assign(sales=three), task="shop", label="sales")
    renamed = three.map({"low": "z", "mid": "a", "high": "m"})
    other = advise(clean.assign(sales=renamed), task="shop", label="sales")
    assert found.attrs["method"] == "logistic"
    assert "auc_alone" not in found
    assert found["gain"].sel(source="beach", target="harbour") > 0
    assert found["gain"].sel(source="office", target="beach") < 0
    # Newton's method stops at a gradient of 1e-10 of its terms.
    np.testing.assert_allclose(other["gain"], found["gain"], rtol=1e-6)


def test_gains_are_those_of_refits(clean, monkeypatch):
    """At one strength: scikit-learn's fits alone, plain fits of the pair."""
    monkeypatch.setattr(classes, "STRENGTHS", np.array([0.1]))
    some = [clean[clean.shop == name] for name in ("beach", "office")]
    x = [one[["temp", "price", "staff"]].to_numpy() for one in some]
    y = [(one.sales > 5).to_numpy().astype(float) for one in some]
    rows = centred_rows(x, y)._replace(labels=y)
    folds = class_folds(rows, 4, 0)
    for fold, label in zip(folds, y, strict=True):
        for value in (0, 1):
            assert np.ptp(np.bincount(fold[label == value], minlength=4)) <= 1
    found, scores = class_gains(rows, folds, 2)

    def unit(parts: list[np.ndarray]) -> float:
        return sum(np.sum(part**2) for part in parts) / 3 / 4

    alone, pooled, right, score = np.empty((4, len(y[0])))
    z = rows.covariates
    for fold in range(4):
        kept, other = folds[0] != fold, folds[1] != fold
        # Slopes ±θ/2 of both classes cost λθ²/4, half of the usual penalty.
        usual = LogisticRegression(
            C=2 / (0.1 * unit([z[0][kept]])), tol=1e-10, max_iter=1000
        ).fit(z[0][kept], y[0][kept])
        log = usual.predict_log_proba(z[0][~kept])
        label = y[0][~kept].astype(int)
        alone[~kept] = -log[np.arange(len(label)), label]
        right[~kept] = log.argmax(axis=1) == label
        score[~kept] = log[:, 1]
        both = np.vstack([z[0][kept], z[1][other]])
        fit = logistic(
            both, np.append(y[0][kept], y[1][other]).astype(int),
            np.repeat([0, 1], [kept.sum(), other.sum()]), 0.1 * unit([both]), classes=2,
        )  # fmt: skip
        logits = z[0][~kept] @ fit.slope.T + fit.level[0]
        whole = np.log(np.sum(np.exp(logits), axis=1))
        pooled[~kept] = whole - logits[np.arange(len(label)), label]
    np.testing.assert_allclose(found.alone[0], alone.mean(), rtol=1e-5)
    gain = 1 - pooled.mean() / alone.mean()
    np.testing.assert_allclose(found.gain[1, 0], gain, atol=1e-5)
    np.testing.assert_allclose(scores["accuracy_alone"][0], right.mean())
    positive, negative = score[y[0] == 1], score[y[0] == 0]
    auc = np.mean(positive[:, None] > negative)
    np.testing.assert_allclose(scores["auc_alone"][0], auc)


def test_what_is_no_class_or_too_few_is_said(clean):
    sure = np.where(clean.shop == "harbour", "no", "yes")
    open_one = np.where(clean.sales > 5, "yes", "no")
    mixed = clean.assign(sales=np.where(clean.shop == "beach", open_one, sure))
    with pytest.raises(ValueError, match="all its 15 labels are no: there is nothing"):
        advise(mixed, task="shop", label="sales")
    rare = clean.assign(sales=np.where(clean.sales > 5, "yes", "no"))
    rare.loc[rare.shop == "beach", "sales"] = ["maybe"] + ["yes", "no"] * 19 + ["yes"]
    found = advise(rare, task="shop", label="sales")
    assert any("one row are left out of task beach: maybe" in note
               for note in found.attrs["notes"])  # fmt: skip
    assert int(found["rows"].sel(target="beach")) == 39
    many = clean.assign(sales=[f"text {i}" for i in range(len(clean))])
    with pytest.raises(ValueError, match="one of 110 in all: labels must be"):
        advise(many, task="shop", label="sales")
    grades = clean.assign(sales=clean.sales.rank(pct=True).mul(4).round())
    said = advise(grades, task="shop", label="sales")
    assert said.attrs["method"] == "least squares"
    assert any("5 whole values, like classes" in note for note in said.attrs["notes"])
    asked = advise(grades, task="shop", label="sales", model="logistic")
    assert asked.attrs["method"] == "logistic"
    three = rare.assign(sales=np.resize(["a", "b", "c"], len(rare)))
    with pytest.raises(ValueError, match="which are no numbers: use --model logistic"):
        advise(three, task="shop", label="sales", model="ridge")
