"""Golden numbers of every class of polybench that can stand in a configuration."""
