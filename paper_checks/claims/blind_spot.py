"""F-Z9: tasks of one and the same transference can gain by sharing, and lose by it.

On population losses `Z` depends on covariances, parameters, noise and the rate. The
gain of sharing depends on the numbers of rows as well: with few of its own a target
gains by a source that differs a little, and with many it loses. So `Z` alone cannot
tell the two apart.
"""

import numpy as np

from paper_checks.judge import Control, Evidence, StudyClaim, share_broken
from paper_checks.judge.measurement import extreme, mean_with_interval
from paper_checks.studies import blind_spots


def signs(gains):  # of each pair, +1 or −1 beyond four standard errors, else 0
    mean = gains.mean(axis=1)
    error = gains.std(axis=1, ddof=1) / np.sqrt(gains.shape[1])
    return np.sign(mean) * (np.abs(mean) > 4 * error)


def judged(found):
    few, many = signs(found.few), signs(found.many)
    opposite, unknown = (few > 0) & (many < 0), (few == 0) | (many == 0)
    broken = share_broken("pairs whose gains are not of opposite signs", ~opposite)
    half = found.few.shape[1] // 2
    again = signs(found.few[:, :half]) * signs(found.few[:, half:]) < 0
    z = extreme("largest transference, of the loss", found.transference)
    least = extreme("least transference, of the loss", -found.transference)
    gains = [
        mean_with_interval(f"(alone - pooled)/(alone + pooled), {m} rows", part.mean(1))
        for m, part in (
            (blind_spots.FEW, found.few),
            (blind_spots.MANY, found.many),
        )
    ]
    return Evidence(
        holds=True
        if opposite.all()
        else False
        if (~opposite & ~unknown).any()
        else None,
        deciding=broken,
        named={
            **{"broken": broken, "few": gains[0], "many": gains[1]},
            **{"a": f"{blind_spots.FEW}", "b": f"{blind_spots.MANY:,}"},
        },
        measurements=(broken, *gains, z, least),
        controls=(Control.among("other numbers of rows (the same ones)", ~again),),
    )


CLAIM = StudyClaim(
    id="F-Z9",
    title="Tasks of the same transference can gain by sharing, or lose",
    source="F-Z9 (derived here, against the use made of arXiv 2010.15413)",
    statement="There are pairs of instances with equal Z on population losses and "
    "opposite gains of sharing.",
    tex=r"Z_{i \to j} = Z'_{i \to j},\quad \mathrm{gain}_j > 0 > \mathrm{gain}'_j",
    headline="{broken.rest} of {broken.n} pairs gain with {a} rows and lose with {b}",
    details=(
        "The mean of (alone - pooled)/(alone + pooled), of squared errors, is {few} "
        "with {a} rows of the target, {many} with {b}.",
    ),
    caveats=(
        "Rows are isotropic, the source has 200 rows, and parameters are 1 apart.",
    ),
    study=lambda settings: blind_spots.gains(
        settings.seed, settings.scaled(40, 400), 200
    ),
    judged=judged,
)
