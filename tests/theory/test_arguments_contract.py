"""Every function refuses what it documents: the message has the argument and the value.

A row of `contract.py` or `contract_own.py` is an error that a docstring names.
"""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.theory.contract import EVERY, GOOD, rows
from tests.theory.contract_own import OWN
from theory.arguments import check_choice, check_integer, check_weights
from theory.relu import plane_optimum

ROWS = [
    (function, {**GOOD.get(function, {}), **bad}, message)
    for function, cases in OWN.items()
    for bad, message in cases
] + [
    (function, {**good, name: bad}, message)
    for function, good in GOOD.items()
    for name in inspect.signature(function).parameters
    for bad, message in EVERY.get(name, ())
]


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [pytest.param(*row, id=f"{row[0].__name__}: {row[2]}") for row in ROWS],
)
def test_a_bad_argument_is_named_with_its_value(
    function: Callable[..., Any], arguments: dict[str, Any], message: str
):
    # Without jaxtyping's check of shapes, which only tests have.
    bare = function if inspect.ismethod(function) else inspect.unwrap(function)
    with pytest.raises(ValueError, match=message):
        bare(**arguments)


@pytest.mark.parametrize(
    "weights",
    [None, [1, 1], [1.0, np.True_], np.ones(2, int), jnp.ones(2, bool), [*jnp.ones(2)]],
)
def test_weights_are_floats_of_any_sequence_of_numbers(weights: Any):
    found = check_weights(weights, 2)
    assert found.dtype == jnp.float64
    np.testing.assert_array_equal(found, np.ones(2))
    assert check_weights(weights, 2, jnp.dtype("float32")).dtype == jnp.float32


def test_several_vectors_of_weights_have_a_row_each():
    many = np.array([[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_array_equal(check_weights(many, 2, several=True), many)


def test_traced_values_are_taken_as_they_are():
    found = jax.eval_shape(lambda w: check_weights([w[0], w[1]], 2), jnp.ones(2))
    assert found.shape == (2,)
    with pytest.raises(ValueError, match="outside of jit"):
        jax.jit(lambda t: plane_optimum(t).loss)(rows())


def test_integers_and_choices_are_returned():
    assert check_integer("width", np.int64(2)) == 2
    assert check_integer("target", -1, -3, 2) == -1
    assert check_choice("maps", "free", ("free", "held")) == "free"
