"""What the paper says and what was found: the questions that the report answers."""

from paper_checks.judge.verdict import Verdict
from paper_checks.report.sentence import Sentence, Theme

HOLDS, FAILS = Verdict.HOLDS, Verdict.FAILS
VACUOUS, UNDECIDED, NEEDS = Verdict.VACUOUS, Verdict.UNDECIDED, Verdict.NEEDS_DATA
# Quantities that the findings name.
BROKEN = "drawn problems that break it"
SPAN = "largest angle to the closed form (rad)"
NEW = "random instances on which it says something new"
NEARER = "a nearer parameter is certified here"
THEOREM_2 = "Theorem 2's right side is below the target alone"
MOVING = "relative gain of 'free, B moving'"
NOISY = "relative gain of clean tasks over uniform weights, 0.2 of labels random"
TOGETHER = "on record, lstm: gain of training together, mean of sets"
ALIGNED = "on record, lstm: gain by alignment, mean, near (points)"

ASKS = (
    "Wu, Zhang and Ré (ICLR 2020, arXiv 2005.00944) ask when training tasks together "
    "through one shared module helps each of them. They answer by the width of the "
    "module, the similarity of the tasks' inputs and the weights of the tasks."
)

WIDTH = Theme(
    "How wide should the shared module be?",
    "A module that is as wide as the number of tasks lets every task keep its own "
    "solution, so that nothing is transferred (Proposition 1). If tasks share their "
    "inputs, a narrower module keeps the best common directions, which can be written "
    "down (Proposition 3).",
    (
        Sentence(
            "Proposition 1 holds: a module as wide as the number of tasks reaches "
            "every single-task loss on "
            f"{{a[{BROKEN}].rest}} of {{a[{BROKEN}].n}} draws.",
            {"W-P1": HOLDS},
        ),
        Sentence(
            "Proposition 3 holds: if tasks have the same inputs, the best module has "
            f"the stated span on {{a[{BROKEN}].rest}} of {{a[{BROKEN}].n}} draws, up "
            f"to {{a[{SPAN}]:.0e}} rad.",
            {"W-P3": HOLDS},
        ),
    ),
)
GUARANTEE = Theme(
    "When is a transfer guaranteed?",
    "Theorem 2 bounds the error of the target's parameter after joint training with a "
    "large source by 6c, where c measures how far apart the tasks are.",
    (
        Sentence(
            "Theorem 2 fails as printed: with loud noise in the source its bound is "
            "exceeded on {a.deciding:%} of {a.deciding.n:,} draws (allowed: "
            "{a.deciding.flips_at:.0%}).",
            {"W-T2": FAILS},
        ),
        Sentence(
            "If the source's noise is bounded, the theorem holds but certifies a gain "
            f"on only {{a[{NEW}]:%}} of random instances.",
            {"W-T2h": VACUOUS},
        ),
        Sentence(
            "A sharper bound, derived here, certifies that sharing improves the "
            f"target's parameter on {{a[{NEARER}]:%}} of {{a[{NEARER}].n:,}} draws "
            f"(Theorem 2: {{a[{THEOREM_2}]:%}}).",
            {"W-T2s": HOLDS},
        ),
    ),
    brief=2,
)
COVARIANCE = Theme(
    "Do the inputs of the tasks have to be alike?",
    "A source whose inputs have the target's covariance helps from few samples on, and "
    "sources with another covariance help only when they are large (Figure 3).",
    (
        Sentence(
            "In the linear model a source with the target's covariance helps from "
            "{a.deciding:.0f} samples on, and the other sources only from "
            "{a.deciding.flips_at:,.0f} on (target with d/2 rows, {a.deciding.n} "
            "repeats).",
            {"W-F3": HOLDS},
        ),
        Sentence(
            "With one ReLU unit this difference disappears: the source with the same "
            "covariance helps from {a[m_source from which 'same covariance' "
            "helps]:.0f} samples on, and the others from {a[m_source from which 'other "
            "rotation' helps]:.0f} on.",
            {"W-F3r": FAILS},
        ),
    ),
)
ALIGNMENT = Theme(
    "Does alignment help (Algorithm 1)?",
    "Algorithm 1 trains an alignment matrix for each task before the shared module. It "
    "is meant to help tasks whose inputs are rotated against each other.",
    (
        Sentence(
            "Alignment helps if inputs and parameter are rotated together: at 60 "
            "degrees it reduces the error of fine-tuning by "
            f"{{a[{MOVING} over 'fine-tuned', task at 60 degrees]:%}}.",
            {"W-A1m": HOLDS},
        ),
        Sentence(
            "If only the inputs are rotated, alignment hurts: at 30 degrees its gain "
            f"over joint training is {{a[{MOVING} over 'joint', covariance at 30 "
            "degrees]:%}.",
            {"W-A1cm": FAILS},
        ),
    ),
    brief=2,
)
WEIGHTS = Theme(
    "Do weights protect clean tasks from noisy ones (Algorithm 2)?",
    "Algorithm 2 weights tasks by a singular value decomposition of their labels, so "
    "that tasks with random labels count less.",
    (
        Sentence(
            "Algorithm 2 fails as printed: with 20% random labels its gain over "
            f"uniform weights is {{a[{NOISY}]:%}} ({{a[{NOISY}].n:,}} runs).",
            {"W-A2": FAILS},
        ),
        Sentence(
            "With labels of unit energy the same weights work: they gain "
            f"{{a[{NOISY}]:%}} at the same noise.",
            {"W-A2s": HOLDS},
        ),
    ),
)
NETWORKS = Theme(
    "What remains on sentences and BERT?",
    "The paper reports gains of joint training on six sentence sets, and of alignment "
    "on pairs of these sets and on BERT with five tasks of GLUE (Figures 5 to 7).",
    (
        Sentence(
            "In the runs on record, joint training of an LSTM on six sentence sets "
            f"gains {{a[{TOGETHER}, naive (points)]}} points, and without "
            f"near-duplicates between the sets {{a[{TOGETHER}, near (points)]}} "
            "({a.deciding.n} runs each).",
            {"W-F6n": NEEDS},
        ),
        Sentence(
            "In these runs, without near-duplicates, alignment improves "
            "{a.deciding:.0f} of {a.deciding.n} pairs (paper: "
            "{a.deciding.flips_at:.0f}), "
            f"on average by {{a[{ALIGNED}]}} points.",
            {"W-F7": NEEDS},
        ),
        Sentence(
            "On five tasks of GLUE with a small BERT, alignment gains {a.deciding} "
            "points in {a.deciding.n} seeds, which leaves its sign open.",
            {"W-F5a": UNDECIDED},
        ),
    ),
    brief=2,
)
OURS = Theme(
    "What does this project's own theory add?",
    "Statements that are derived here, or that other papers suggest, are judged in the "
    "same way.",
    (
        Sentence(
            "Transference, a measure of transfer by Fifty et al. (arXiv 2109.04617), "
            "does not settle whether sharing pays: {a.deciding.rest} of {a.deciding.n} "
            "pairs of tasks with the same transference gain with few rows and lose "
            "with many.",
            {"F-Z9": HOLDS},
        ),
        Sentence(
            "In the linear model it follows from the statistics of the tasks, on "
            f"{{a[{BROKEN}].rest}} of {{a[{BROKEN}].n}} draws.",
            {"F-Z1": HOLDS},
        ),
        Sentence(
            "Our first answer for tasks with equal covariances is wrong in "
            "{a.deciding.count} of {a.deciding.n} phases; with a third border "
            "{b.deciding.rest} of {b.deciding.n} are right.",
            {"M-PT": FAILS, "M-PTc": HOLDS},
        ),
    ),
)
THEMES = (WIDTH, GUARANTEE, COVARIANCE, ALIGNMENT, WEIGHTS, NETWORKS, OURS)
