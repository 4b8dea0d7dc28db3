"""Predictors of transfer against measured gains."""
