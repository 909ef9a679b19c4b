"""Skips around layers, scaled by what is learned."""
