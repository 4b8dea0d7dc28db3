"""The claims, one file each, under the names that the papers give them."""
