"""The plumbing between files on a disk and batches on a device; datasets are built from it."""
