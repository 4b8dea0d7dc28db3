"""Cells → chunks → store: sweeps on all devices or machines, with nothing lost."""
