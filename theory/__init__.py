"""What is known: pure, differentiable functions of arrays."""
