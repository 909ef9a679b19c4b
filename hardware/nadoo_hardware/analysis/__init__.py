"""Questions about a model that need no device, or only a table of rates: what fits, how long, how much smaller."""
