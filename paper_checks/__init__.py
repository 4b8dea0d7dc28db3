"""What the paper claims, measured: one module a claim, and the ledger."""
