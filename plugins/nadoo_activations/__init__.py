"""Other activations for a model: at once, layer by layer, or blended in while it heals."""
