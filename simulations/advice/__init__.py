"""Will these tasks help each other? Advice from the data, before training."""
