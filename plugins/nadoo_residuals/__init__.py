"""Skip paths: found or put in, scaled, and their scales folded away again."""
