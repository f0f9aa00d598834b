"""Work on a dataset before training: download, extract, verify, audit and split it."""
