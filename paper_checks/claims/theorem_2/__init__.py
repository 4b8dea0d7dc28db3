"""Theorem 2: the bound, its pairs of tasks, its ReLU variant and sharper forms."""
