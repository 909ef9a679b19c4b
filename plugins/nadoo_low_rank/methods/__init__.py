"""The ways to decompose a layer, one a file."""
