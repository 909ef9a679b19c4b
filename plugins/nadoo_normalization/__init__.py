"""Other normalizations for a model: RMS, mean-absolute, layer and batch norm in each other's place."""
