"""Networks that more than one study trains."""
