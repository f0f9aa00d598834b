"""How several processes share the training batch of a recipe, which is that of all of them together."""

from polybench.core.errors import ConfigError


def share_of(batch_size: int, processes: int, option: str = "data.batch_size") -> int:
    """Return how many samples of a training batch each process takes.

    Args:
        batch_size: Samples of the batch.
        processes: Number of processes.
        option: Dotted name of the batch size, for the message.

    Raises:
        ConfigError: If the processes can't share the batch equally.
    """
    share, rest = divmod(batch_size, processes)
    if rest:
        near = max(1, round(batch_size / processes)) * processes
        raise ConfigError(
            f"A batch of {batch_size} can't be shared equally by {processes} processes: choose a number of processes "
            f"that divides it, give --{option} {near}, or add --scale_batch for {batch_size} in each process, "
            f"{batch_size * processes} together, which makes another row."
        )
    return share
