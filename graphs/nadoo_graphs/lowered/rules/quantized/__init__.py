"""The plain kernels over codes, exactly as the rows of the graph define them."""
