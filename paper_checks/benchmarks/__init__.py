"""Real data: loading, and what the linear model says of it."""
