"""From ATen calls to rows of the operator table, one file a family as in `nadoo_graphs.ops`."""
