"""Other nonlinearities in the place of those that a model was trained with."""
