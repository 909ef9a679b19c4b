"""Recipes that come with nadoo, and the models and data sets that they use.

Kept apart from the core so that a recipe of ours has no privilege over anyone else's.
"""
