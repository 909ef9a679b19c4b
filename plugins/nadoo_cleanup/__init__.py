"""Exact clean-ups: what a trained model computes, with fewer nodes and fewer numbers."""
