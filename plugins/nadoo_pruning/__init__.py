"""Fewer channels, weights and layers: what a model can do without, removed so that work and size fall with it."""
