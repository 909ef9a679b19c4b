"""The exchange form of a graph: a document of models, blocks, layers and operations, with a data file a tensor.

It is the JSON of the French plan, which people can read and other tools can write. The saved form of a graph is
another one (`nadoo_graphs.saving`); this one loses nothing either while `x_origin` stays in it, and still computes the
same without. Where the plan leaves a choice:

- a size is a positive integer, a declared symbol or an expression in them such as "2*N"; the batch "N" needs no
  declaration, others stand in `meta.symbols` with their bounds;
- several inputs are X0, X1 …; in `graph` an instance's inputs are these or "name.port", and its port Y is what the
  model gives out, as in a block;
- a row of the operator table without a layer name is a layer by its own name, an operator of torch's is one by its
  overload, with its schema; datatypes are those of the plan, complex numbers, and every number format by its name;
- a sign stands only where it says exactly what the row does; all else, such as mixed datatypes, is a layer.
"""

from nadoo_graphs.plan.export import export_plan
from nadoo_graphs.plan.identity import canonical_hash
from nadoo_graphs.plan.read import import_plan, validate_plan

__all__ = ["canonical_hash", "export_plan", "import_plan", "validate_plan"]
