"""Coordinates in which the target's rows are white, and pooling seen in them."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.linear.single_task import Spectrum, equilibrated_spectrum

# A column whose mean square is below (8 ε)² of another task's is constant but for
# rounding: 64-bit rows of that other size do not hold less.
CONSTANT = 8.0
# Share of itself that rounding may move the pooled metric by before it is not trusted.
TRUSTED = 0.01


class TargetFrame(eqx.Module):
    """Directions that the target's rows see, whitened, and those that they do not.

    The columns of `seen` satisfy `WᵀS_tW = I`, those of `unseen` span the null space of
    `S_t`; both are padded with zero columns, as `mask` tells. `rounding` is the
    relative error that a matrix of the size of `S_t` gets in the weakest direction
    seen. All of it is constant for derivatives, which the matrices in these
    coordinates carry.
    """

    seen: Float[Array, "*n d d"]
    unseen: Float[Array, "*n d d"]
    mask: Float[Array, "*n d"]
    scale: Float[Array, "*n d"]
    rounding: Float[Array, "*n"]

    @property
    def rank(self) -> Float[Array, "*n"]:
        """Number of directions seen."""
        return jnp.sum(self.mask, axis=-1)


def column_sizes(
    gram: Float[Array, "k d d"], samples: Float[Array, " k"]
) -> Float[Array, " d"]:
    """Largest mean square of each column over the tasks."""
    diagonal = jnp.diagonal(gram, axis1=-2, axis2=-1)
    return jnp.max(diagonal / samples[:, None], axis=0)


def target_frame(
    gram: Float[Array, "d d"], samples: Float[Array, ""], sizes: Float[Array, " d"]
) -> TargetFrame:
    """Whiten the target's rows, with columns scaled to unit norm.

    Args:
        gram: `S_t`.
        samples: `m_t`.
        sizes: `column_sizes` of all tasks.
    """
    gram, samples, sizes = lax.stop_gradient((gram, samples, sizes))
    diagonal, eps = jnp.diag(gram), jnp.finfo(gram.dtype).eps
    varies = diagonal > (CONSTANT * eps) ** 2 * sizes * samples
    spectrum = equilibrated_spectrum(jnp.where(varies[:, None] & varies, gram, 0))
    other = samples * jnp.where(sizes > 0, sizes, 1 / samples)
    scale = jnp.where(varies, spectrum.scale, 1 / jnp.sqrt(other))
    seen = scale[:, None] * spectrum.vector * spectrum.inverse_root
    unseen = jnp.where(spectrum.seen, 0, scale[:, None] * spectrum.vector)
    least = jnp.min(jnp.where(spectrum.seen, spectrum.value, jnp.inf))
    return TargetFrame(
        seen, unseen, spectrum.seen.astype(gram.dtype), scale, len(gram) * eps / least
    )


def generalised_inverse(
    gram: Float[Array, "d d"], basis: Float[Array, "d d"], mask: Float[Array, " d"]
) -> Float[Array, "d d"]:
    """Return `W(WᵀGW)⁻¹Wᵀ`, whose derivative needs none of eigenvectors.

    With `W` constant the derivative is `−G⁻ dG G⁻`, finite where eigenvalues meet too.

    Args:
        gram: `G`.
        basis: `W`, for which `WᵀGW` is about the identity; unused columns are zero.
        mask: 1 for the columns in use.
    """
    inner = basis.T @ gram @ basis + jnp.diag(1 - mask)
    return basis @ jnp.linalg.inv(inner) @ basis.T


def whitening_basis(spectrum: Spectrum) -> Float[Array, "d d"]:
    """Columns `W` with `WᵀGW = I` in the directions seen, and zero ones."""
    return spectrum.scale[:, None] * spectrum.vector * spectrum.inverse_root


def source_map(frame: TargetFrame, others: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """The map `P` from rows to the target's coordinates that pooling acts in.

    Along directions that only sources see, pooling fits the sources alone. With that
    fit put in, sources act on the directions seen as `PᵀOP` (a Schur complement) and
    `Pᵀ Σ α_ig_i`, where `P = W − Z(ZᵀOZ)⁻ZᵀOW`; for a target of full rank `P = W`.

    Args:
        frame: Of the target.
        others: `O`.
    """

    def reduced(_: None) -> Float[Array, "d d"]:
        inner = frame.unseen.T @ others @ frame.unseen
        spectrum = equilibrated_spectrum(lax.stop_gradient(inner))
        mask = spectrum.seen.astype(others.dtype)
        inverse = generalised_inverse(inner, whitening_basis(spectrum), mask)
        fit = inverse @ frame.unseen.T @ others @ frame.seen
        return frame.seen - frame.unseen @ fit

    whole = jnp.all(frame.mask > 0)
    return lax.cond(whole, lambda _: frame.seen, reduced, None)


class Pooling(eqx.Module):
    """`S_t`, `O = Σ_(i≠t) α_iS_i`, `S_t⁻` and `R` in the target's coordinates.

    Where `doubtful`, columns are so nearly dependent that rounding of the statistics
    may change `O` there by more than a share `TRUSTED`.
    """

    map: Float[Array, "*n d d"]
    own: Float[Array, "*n d d"]
    others: Float[Array, "*n d d"]
    alone: Float[Array, "*n d d"]
    pooled: Float[Array, "*n d d"]
    mask: Float[Array, "*n d"]
    doubtful: Array


def pooling(
    frame: TargetFrame, own: Float[Array, "d d"], others: Float[Array, "d d"]
) -> Pooling:
    """Form the matrices of pooling; `O` is kept positive semidefinite.

    Args:
        frame: Of the target.
        own: `S_t`.
        others: `O`.
    """
    mapped = source_map(frame, others)
    white = frame.seen.T @ own @ frame.seen
    turned = mapped.T @ others @ mapped
    turned = (turned + turned.T) / 2
    value, vector = jnp.linalg.eigh(lax.stop_gradient(turned))
    turned += (vector * jnp.maximum(-value, 0)) @ vector.T
    hidden = jnp.diag(1 - frame.mask)
    size = jnp.max(frame.scale**2 * jnp.diag(others), initial=0)
    doubtful = frame.rounding * (1 + size) > TRUSTED
    return Pooling(
        mapped,
        white,
        turned,
        jnp.linalg.inv(white + hidden) - hidden,
        jnp.linalg.inv(white + turned + hidden) - hidden,
        frame.mask,
        jax.lax.stop_gradient(doubtful),
    )
