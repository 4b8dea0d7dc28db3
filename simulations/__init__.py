"""What is measured: draws, trainers and sweeps."""
