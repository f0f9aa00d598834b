"""`polybench profile`: what a recipe costs, timed in turn, beside how accurate its record says it is."""
