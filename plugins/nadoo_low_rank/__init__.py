"""Products of smaller matrices in the place of large ones."""
