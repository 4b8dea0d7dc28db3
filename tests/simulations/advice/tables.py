"""Tables as practitioners have them: eight shops in two clusters, one thing changed."""

from pathlib import Path

import numpy as np
import pandas as pd

INPUTS = ("temp", "price", "staff")
WATER = ("harbour", "beach", "lake", "pier")
TOWN = ("station", "office", "mall", "campus")
ROWS = (15, 40, 60, 25)


def shops(seed: int = 42) -> pd.DataFrame:
    """Noise 1; parameters differ by 0.1 a coordinate within a cluster."""
    rng = np.random.default_rng(seed)
    centre = np.array([[2.0, -1, 1], [-1.0, -2, 1]])
    parts = []
    for names, theta in zip((WATER, TOWN), centre, strict=True):
        for name, m in zip(names, ROWS, strict=True):
            x = rng.normal(size=(m, len(INPUTS)))
            frame = pd.DataFrame(x, columns=list(INPUTS))
            frame.insert(0, "shop", name)
            slope = theta + 0.1 * rng.normal(size=len(INPUTS))
            frame["sales"] = x @ slope + 5 + rng.normal(size=m)
            parts.append(frame)
    return pd.concat(parts).sample(frac=1, random_state=0).reset_index(drop=True)


def write_reading(clean: pd.DataFrame, out: Path) -> list[str]:
    """Files that say what `clean` says; their names."""
    clean.to_csv(out / "clean.csv", index=False)
    clean.sample(frac=1, random_state=7).to_csv(out / "shuffled.csv", index=False)
    clean.to_csv(out / "semicolon.csv", index=False, sep=";", decimal=",")
    clean.to_csv(out / "tab.tsv", index=False, sep="\t")
    clean.to_csv(out / "packed.csv.gz", index=False)
    clean.to_csv(out / "mark.csv", index=False, encoding="utf-8-sig")
    clean.to_csv(out / "utf16.csv", index=False, encoding="utf-16")
    clean.to_csv(out / "index.csv")
    named = clean.replace({"lake": "NA", "mall": "none", "pier": "-"})
    named.to_csv(out / "names.csv", index=False)
    return sorted(path.name for path in out.iterdir())
