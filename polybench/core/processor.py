"""What the system says of the processor."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor_fact(*keys: str) -> str | None:
    """The value of the first line of the system's description that has one of the keys.

    Args:
        keys: Names of a fact, such as "model name"; systems call some otherwise.

    Returns:
        The value; None where the system has no such description, as other systems than Linux, or no such line.
    """
    if not CPUINFO.is_file():
        return None
    for line in CPUINFO.read_text(errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in keys:
            return value.strip()
    return None
