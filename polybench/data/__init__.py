"""Runtime of datasets, from files on disk to batches on a device."""
