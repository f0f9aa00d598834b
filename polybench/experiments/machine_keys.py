"""Keys of a configuration that don't count in an identity, each by its full dotted path with `init_args` left out.

A path names one place: a callback's or an augmentation's own argument `strategy`, `verbose` or `seed` counts.
"""

MACHINE_KEYS = frozenset(
    {
        "checkpoint.auto_insert_metric_name",
        "checkpoint.dirpath",
        "checkpoint.enable_version_counter",
        "checkpoint.filename",
        "checkpoint.save_on_exception",
        "checkpoint.verbose",
        "ckpt_path",  # its content is the run's start
        "data.cache_dir",
        "data.images.cache_dir",
        "data.images.num_workers",
        "data.images.on_device",
        "data.images.root",
        "data.num_workers",
        "data.on_device",
        "data.patches.num_workers",
        "data.root",  # the manifest says which images
        "data.source.cache_dir",
        "data.source.fit",  # patches are cut from images at native size
        "data.source.num_workers",
        "data.source.on_device",
        "data.source.pad_value",
        "data.source.root",
        "leaderboard",
        "no_leaderboard",
        "previews",
        "save_every",
        "trainer.accelerator",
        "trainer.default_root_dir",
        "trainer.devices",  # counts where it makes the batch larger, or what a batch norm averages over
        "trainer.enable_autolog_hparams",
        "trainer.enable_model_summary",
        "trainer.enable_progress_bar",
        "trainer.log_every_n_steps",
        "trainer.logger",
        "trainer.model_registry",
        "trainer.num_nodes",  # as trainer.devices
        "trainer.profiler",
        "trainer.strategy",
    }
)
"""Where a run happens, what it shows and where it writes: none of it moves a number."""

NAMING_KEYS = frozenset({"budget", "name", "variant"})
"""They name a run."""

SEED_KEYS = frozenset({"data.images.seed", "data.patches.seed", "data.seed", "data.source.seed", "seed_everything"})
"""Runs that differ in them are seeds of one row; a data module in another one is given the seed of the outer one."""

BATCH_KEYS = frozenset(
    {
        "data.batch_size",
        "data.images.batch_size",
        "data.patches.batch_size",
        "scale_batch",
        "trainer.accumulate_grad_batches",
        "trainer.sync_batchnorm",
    }
)
"""They count through the global batch and the images that a batch norm averages over."""

EVALUATION_KEYS = frozenset({"data.crop.overlap", "data.eval_batch_size", "data.images.eval_batch_size"})
"""They count in the evaluation's identity."""

UNCOUNTED_KEYS = MACHINE_KEYS | NAMING_KEYS | SEED_KEYS

SHOWING_CALLBACKS = frozenset(
    {
        "lightning.pytorch.callbacks.DeviceStatsMonitor",
        "lightning.pytorch.callbacks.LearningRateMonitor",
        "lightning.pytorch.callbacks.ModelCheckpoint",
        "lightning.pytorch.callbacks.ModelSummary",
        "lightning.pytorch.callbacks.OnExceptionCheckpoint",
        "lightning.pytorch.callbacks.RichModelSummary",
        "lightning.pytorch.callbacks.RichProgressBar",
        "lightning.pytorch.callbacks.TQDMProgressBar",
        "lightning.pytorch.callbacks.ThroughputMonitor",
        "polybench.callbacks.PreviewsCallback",
        "polybench.methods.finetuning.Snapshots",
        "polybench.callbacks.TrainingCurves",
    }
)
"""Callbacks of `trainer.callbacks` that only show or save something; selection is by polybench's own checkpoint."""
