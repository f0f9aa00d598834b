"""What W&B wrote for a run, read back from its log file."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import wandb
from wandb.proto import wandb_internal_pb2

BLOCK, HEADER = 32 * 1024, 7
CHUNK = struct.Struct("<IHB")


@dataclass
class Logged:
    """A run's log.

    Attributes:
        id: Its id.
        name: Its display name, the last one.
        project: Its project.
        group: Its group.
        job_type: Its job type.
        tags: Its tags.
        config: Its configuration.
        history: What was logged, with `_step`.
        summary: Its summary.
        artifacts: Names of its artifacts.
    """

    id: str = ""
    name: str = ""
    project: str = ""
    group: str = ""
    job_type: str = ""
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)


def read_log(folder: Path) -> Logged:
    """Read the log of an offline run.

    Args:
        folder: `offline-run-<time>-<id>`.
    """
    wandb.teardown()  # what a process does at its end: its service has then written everything
    found = Logged()
    for record in _records(next(folder.glob("run-*.wandb"))):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            found.id, found.project = run.run_id, run.project
            found.group, found.job_type = run.run_group, run.job_type
            found.name, found.tags = run.display_name or found.name, tuple(run.tags) or found.tags
            found.config |= {item.key: json.loads(item.value_json) for item in run.config.update}
        elif kind == "config":
            found.config |= {item.key: json.loads(item.value_json) for item in record.config.update}
        elif kind == "history":
            found.history.append(_values(record.history.item) | {"_step": record.history.step.num})
        elif kind == "summary":
            found.summary |= _values(record.summary.update)
        elif kind == "artifact":
            found.artifacts.append(record.artifact.name)
    return found


def _records(path: Path) -> Iterator[Any]:
    """The records of a log in LevelDB's format: blocks of 32 KiB, each of chunks of checksum, length, type and content.

    A record is one whole chunk (type 1), or a first (2), middle (3) and last (4) one.
    """
    content, place, parts = path.read_bytes(), HEADER, b""
    while place + CHUNK.size <= len(content):
        left = BLOCK - place % BLOCK
        if left < CHUNK.size:
            place += left
            continue
        _, length, kind = CHUNK.unpack_from(content, place)
        place += CHUNK.size
        parts = (b"" if kind in (1, 2) else parts) + content[place : place + length]
        place += length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record


def _values(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
