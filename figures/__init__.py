"""How it looks: a saved Dataset in, a matplotlib Figure out."""
