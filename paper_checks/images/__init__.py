"""Chest X-rays at hand: DenseNet-121, and Algorithm 2 on it (W-X1, W-X2)."""
