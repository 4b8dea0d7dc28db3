"""F-Z8: transferences into a task share out its progress in the joint run, and no more.

On the gradient flow of `Σ α_iL_i`, `−d log L_j/dt` is the sum over all tasks of
`α_i⟨∇_sL_i, ∇_sL_j⟩/L_j`, and of the part of the target's own head. So integrals of
transference add up to what the joint run did for `j`, and do not compare it with
training `j` alone. At a stationary point of the joint loss gradients cancel, and the
others' part is `−α_j‖∇_sL_j‖²`: negative for every task, whether they help it or not.
"""

from paper_checks.judge import Claim, Draws, Route
from paper_checks.studies import joint_flows


def without(check, **wrong):
    return lambda keys: check(joint_flows.drawn(keys), keys, **wrong)


CLAIM = Claim(
    id="F-Z8",
    title="Transferences share out a joint run's progress, and end below zero",
    source="F-Z8 (derived here; theory.transference.progress)",
    statement="On the flow of sum_i a_i L_i: log L_j(0)/L_j(T) = sum_i a_i int "
    "<g_i, g_j>/L_j + a_j int |dL_j/dh_j|^2/L_j; at rest others sum to -a_j |g_j|^2.",
    tex=r"\log \frac{L_j(0)}{L_j(T)} = \sum_i \alpha_i \int \frac{\langle g_i, g_j"
    r"\rangle}{L_j} dt + \alpha_j \int \frac{\|\partial_{h_j} L_j\|^2}{L_j} dt",
    draws=Draws(
        draw=joint_flows.drawn,
        count=(40, 1000),
        routes=(
            Route(joint_flows.accounts, "largest difference of log losses and shares"),
            Route(joint_flows.others_at_rest, "largest difference at rest"),
        ),
        without={
            "the own head's part": without(joint_flows.accounts, heads=False),
            "a stationary point": without(joint_flows.others_at_rest, rest=False),
        },
    ),
)
