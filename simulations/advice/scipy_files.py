"""Tables of ARFF and MAT files, by scipy."""

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io
from scipy.io import arff


def read_arff(path: Path) -> pd.DataFrame:
    """Return the columns of an ARFF file, gzipped or not; nominal ones are text.

    Raises:
        ValueError: It is damaged, or has attributes that scipy does not read.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw
        # Nominal values come as bytes.
        data, _ = arff.loadarff(io.StringIO(raw.decode("utf-8-sig")))
    except (OSError, EOFError, ValueError, NotImplementedError, StopIteration) as error:
        raise ValueError(f"{path} cannot be read as ARFF: {error}") from None
    frame = pd.DataFrame(data)
    for name in frame:
        if frame[name].dtype == object:
            frame[name] = frame[name].map(lambda cell: cell.decode("utf-8"))
    return frame


def read_mat(path: Path) -> pd.DataFrame:
    """Return the tasks of a MAT file (before 7.3), a column `task` naming them.

    It has `X` (or `feature`) and `Y` (or `label`): two cell arrays with one matrix
    (m x d) and one vector (m) a task, or one matrix and one vector.

    Raises:
        ValueError: It is damaged, or has neither.
    """
    try:
        found = scipy.io.loadmat(path)
    except (OSError, ValueError, NotImplementedError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as MAT: {error}") from None
    arrays = {name.lower(): value for name, value in found.items() if name[0] != "_"}
    x, y = arrays.get("x", arrays.get("feature")), arrays.get("y", arrays.get("label"))
    if x is None or y is None:
        raise ValueError(
            f"{path}: a MAT file needs X (or feature) and Y (or label), a cell or a "
            f"matrix each; it has {', '.join(arrays) or 'nothing'}"
        )
    several = x.dtype == object
    inputs, labels = (list(v.ravel()) if several else [v] for v in (x, y))
    if len(inputs) != len(labels):
        raise ValueError(
            f"{path}: {len(inputs)} cells of inputs, {len(labels)} of labels"
        )
    frames = []
    for at, (one, label) in enumerate(zip(inputs, labels, strict=True)):
        own, column = np.asarray(one, float), np.asarray(label, float).ravel()
        if own.ndim != 2 or len(own) != len(column):
            raise ValueError(
                f"{path}: task {at} has inputs of shape {own.shape} and "
                f"{len(column)} labels"
            )
        frame = pd.DataFrame(own, columns=[f"x{i}" for i in range(own.shape[1])])
        if several:
            frame.insert(0, "task", str(at))
        frames.append(frame.assign(y=column))
    if len({frame.shape[1] for frame in frames}) > 1:
        raise ValueError(f"{path}: tasks have different numbers of columns")
    return pd.concat(frames, ignore_index=True)
