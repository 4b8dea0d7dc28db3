"""What the paper prints of its six sentence sets, all with an LSTM."""

# The table under Figure 6: best capacity alone, accuracy alone and together.
FIGURE_6 = {
    "sst": (200, 82.3, 90.8),
    "mr": (200, 76.4, 96.0),
    "cr": (5, 73.2, 78.7),
    "subj": (200, 91.5, 89.5),
    "mpqa": (500, 86.7, 87.0),
    "trec": (100, 85.7, 78.7),
}
MEAN_ALONE, MEAN_TOGETHER, SUMMED_CAPACITY = 82.6, 85.1, 1205
# Figures 5b and 7: how many gain by alignment, and the largest gain in points.
TARGETS, LARGEST_OF_TARGETS = 4, 2.5
PAIRS, LARGEST_OF_PAIRS = 13, 4.1
