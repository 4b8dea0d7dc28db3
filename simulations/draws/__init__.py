"""Draws of tasks for the experiments."""
