"""The exchange form of a graph: a document of models, blocks, layers and operations, with a data file a tensor.

It is the JSON of the French plan, which people can read and other tools can write. The saved form of a graph is
another one (`nadoo_graphs.saving`); this one loses nothing either while `x_origin` stays in it.
"""

from nadoo_graphs.plan.export import export_plan
from nadoo_graphs.plan.identity import canonical_hash
from nadoo_graphs.plan.read import import_plan, validate_plan

__all__ = ["canonical_hash", "export_plan", "import_plan", "validate_plan"]
