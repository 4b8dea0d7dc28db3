"""Studies that claims read: simulated sweeps, real tables, sentence sets."""
