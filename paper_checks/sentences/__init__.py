"""Sentence sets: loading, their overlap, and encoders trained on them."""
