"""A pass, an operator, a data set and a metric from outside of nadoo's repository."""
