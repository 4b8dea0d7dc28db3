"""F-Z1: transference of the linear model is what a look-ahead on its rows finds.

`Z_{i→j} = 1 − L_j(B − Δ_i, a_j)/L_j(B, a_j)` for mean losses is
`(δᵀu_j − δᵀH_jδ)/L_j` with `δ = Δ_ia_j`, `u_j = 2(G_jBa_j − g_j)/m_j`, `H_j = G_j/m_j`
(`theory.transference.linear_transference`), from statistics alone. It is compared with
look-aheads by autograd on the rows, which share no formula with it.
"""

from functools import partial

from paper_checks.judge import Claim, Draws, Route
from paper_checks.studies import look_aheads

HEADS = ("fixed", "stepped")

CLAIM = Claim(
    id="F-Z1",
    title="Transference of the linear model follows from its statistics",
    source="F-Z1 (arXiv 2109.04617, eq 1; closed form derived here)",
    statement="Z_ij = 1 - L_j(B - D_i, a_j)/L_j(B, a_j) is (d'u_j - d'H_j d)/L_j, "
    "d = D_i a_j, for SGD, momentum and Adam, with heads fixed or stepped.",
    tex=r"1 - \frac{L_j(B - \Delta_i, a_j)}{L_j(B, a_j)} = "
    r"\frac{\delta^\top u_j - \delta^\top H_j \delta}{L_j},\ \delta = \Delta_i a_j",
    draws=Draws(
        draw=look_aheads.drawn,
        count=(60, 1000),
        routes=tuple(
            Route(
                partial(look_aheads.look_ahead, rule=rule, stepped=stepped),
                f"largest difference: {rule}, heads {HEADS[stepped]}",
            )
            for rule in ("SGD", "momentum", "Adam")
            for stepped in (False, True)
        ),
        without={
            "mean losses (sums over rows)": look_aheads.mutant(
                times=float(look_aheads.M)
            ),
            "[source, target] (transposed)": look_aheads.mutant(turned=True),
        },
    ),
)
