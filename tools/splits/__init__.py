"""Where the split lists of the package come from: one function for each list, grouped by field."""
