"""Numbers that follow from the stored rows of a test, without another test; one subject a file."""
