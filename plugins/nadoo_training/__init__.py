"""The passes that train: `train` from wherever a model stands, `heal` after something hurt it.

The loop itself is in `nadoo_core.training`, because others train too; these passes give it a place in a recipe.
"""
