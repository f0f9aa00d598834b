"""A test of a checkpoint on a dataset that it was not trained on, and its record: how well a net generalises."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polybench import datasets
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError, did_you_mean
from polybench.core.weight_file import read_weights
from polybench.data.module import SegmentationDataModule
from polybench.datasets.overlaps import have_images_in_common
from polybench.experiments.argv import has, is_option, options_of, value_of, without
from polybench.experiments.evaluate import Evaluated, Show, run_test, show_nothing
from polybench.experiments.further_test import refuse_parts, trainings_of
from polybench.experiments.identity import evaluation_id
from polybench.experiments.outputs import probe_leaderboard
from polybench.experiments.parsed import ParsedSession
from polybench.experiments.provenance import provenance
from polybench.experiments.recipes import HOME, recipe_file
from polybench.experiments.scores import all_scores
from polybench.experiments.set_scores import set_sections
from polybench.methods import asked_option
from polybench.metrics.panel import image_table
from polybench.results.config import config_sha256, portable_config
from polybench.results.facts import MetricValue, ProtocolScores
from polybench.results.headline import headline
from polybench.results.lookup import records_naming
from polybench.results.methods import is_altered
from polybench.results.page import require_root, write_page
from polybench.results.readings import title
from polybench.results.record import SCHEMA_VERSION, Record, recorded_datasets, write_record
from polybench.results.sections import Column, Section, Value
from polybench.tasks.exported import SUFFIX

NAME = "other_data"
"""Key of the section in a record, and how variants of such rows begin."""

OPTION = "--on"


@dataclass(frozen=True)
class OtherTest:
    """A test that will be run.

    Attributes:
        words: The words of `polybench test` for it, that of the leaderboard left out.
        again: The words that a record gives, `--on` with this dataset alone included.
        session: The command line, parsed.
        leaderboard: Where the record goes; None where none is asked for.
        trained: The record of the training; None where no record is asked for.
    """

    words: tuple[str, ...]
    again: tuple[str, ...]
    session: ParsedSession
    leaderboard: Path | None
    trained: Record | None


def names_of(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take the datasets of `--on` out of a command line.

    Args:
        words: The words of `polybench test`, such as `["--ckpt_path", "best.ckpt", "--on", "clinicdb", "etis"]`.

    Returns:
        The names, each once, and the other words.

    Raises:
        ConfigError: If the option names nothing.
    """
    names: list[str] = []
    rest: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word != OPTION and not word.startswith(f"{OPTION}="):
            rest.append(word)
            continue
        names += [word.partition("=")[2]] if "=" in word else []
        while waiting and not is_option(waiting[0]):
            names.append(waiting.pop(0))
        if not any(names):
            raise ConfigError(f"{OPTION} names no dataset: give one or more, such as {OPTION} clinicdb etis.")
    return list(dict.fromkeys(name for name in names if name)), rest


def data_file(name: str) -> str:
    """Return the file of a dataset.

    Args:
        name: A name such as `clinicdb`, for `conf/data/clinicdb.yaml`, or a path.

    Raises:
        ConfigError: If there is none.
    """
    if name.endswith((".yaml", ".yml")):
        return name
    file = recipe_file(f"conf/data/{name}.yaml")
    if not file.is_file():
        known = sorted(path.stem for path in (HOME / "data").glob("*.yaml"))
        raise ConfigError(
            f"{OPTION} '{name}' is no dataset: give one of conf/data, such as clinicdb or drive_crops, or a file "
            f"of your own with options of data (.yaml).{did_you_mean(name, known)}"
        )
    return str(file)


def other_test(words: Sequence[str], name: str) -> OtherTest:
    """Prepare a test on a dataset, before anything is run.

    The net's input stays that of the training: size, and how images are fitted to it; where it was trained on crops,
    crops of the same size, at the scale that the dataset's file states or else at that of the training.

    Args:
        words: The words of `polybench test`, without `--on`.
        name: The dataset, or a file of its options.

    Raises:
        ConfigError: If there is no such dataset, the net was trained on images of it, or a record is asked for that
            can't be written.
    """
    checkpoint = value_of(words, "--ckpt_path")
    if checkpoint is None:
        raise ConfigError(f"{OPTION} needs --ckpt_path, the file of a checkpoint.")
    if has(words, "--data"):
        raise ConfigError(f"{OPTION} names the data: leave out --data.")
    plain = without(words, "--leaderboard")
    own = [option.name for option in options_of(plain) if option.name.startswith("--data.")]
    before = ParsedSession("test", without(plain, *own))
    file = data_file(name)
    found = ParsedSession("test", _words(plain, before, file, Path(checkpoint), name))
    inputs = _input_words(before, found)
    session = ParsedSession("test", [*found.args, *inputs]) if inputs else found
    trained_on, tested_on = (_short_name(one) for one in (before, session))
    if trained_on == tested_on:
        raise ConfigError(f"{OPTION} '{name}': the net was trained on {trained_on}; test it there without {OPTION}.")
    if have_images_in_common(trained_on, tested_on):
        raise ConfigError(
            f"{OPTION} '{name}': {tested_on} has images in common with {trained_on}, which the net was trained on: "
            "name another dataset."
        )
    given = value_of(words, "--leaderboard")
    root = None if given is None else Path(given)
    trained = None if root is None else _trained(session, root, Path(checkpoint), tested_on)
    return OtherTest(tuple(session.args), (*plain, OPTION, name), session, root, trained)


def run_other_test(test: OtherTest, *, show: Show = show_nothing) -> tuple[Evaluated, Path | None]:
    """Run a test that was prepared, and write its record where one is asked for.

    Args:
        test: The test.
        show: Takes the numbers before they are written.

    Returns:
        The outcome, and the record's file; None where none was asked for.
    """
    tested = run_test(test.words, show=show)
    session, trained, root = tested.session, test.trained, test.leaderboard
    if trained is None or root is None or tested.rows is None:
        return tested, None
    checkpoint = session.required_checkpoint()
    data, protocols = session.datamodule.facts(), session.model.protocols
    config = {
        **trained.config,
        "data": portable_config(session.plain_config())["data"],
        NAME: {"trained_on": trained.config["data"]},
    }
    again = session.again(test.again, also=["--leaderboard", str(root)])
    metrics = all_scores(tested.rows, protocols)
    identity = trained.identity
    if identity is not None:
        tested_as = evaluation_id(session.plain_config(), data, list(metrics), {"trained_on": trained.dataset.name})
        identity = replace(identity, evaluation_id=tested_as, folds=None)
    record = replace(
        trained,
        schema_version=SCHEMA_VERSION,
        variant="-".join(part for part in (trained.variant, "on", data.name) if part),
        dataset=data,
        config=config,
        config_sha256=config_sha256(config),
        command=again.command,
        needs=(*again.needs, f"The checkpoint that this leaves: {trained.command}"),
        metrics=metrics,
        provenance=provenance(session.trainer, Path(checkpoint)),
        sections={NAME: _section(trained, metrics, data.name), **set_sections(session.datamodule, tested.rows)},
        identity=identity,
    )
    path = write_record(record, image_table(tested.rows, protocols), root)
    write_page(root, data.name)
    return tested, path


def _words(words: Sequence[str], before: ParsedSession, file: str, checkpoint: Path, name: str) -> list[str]:
    """The command line of a test on a dataset, in a folder of its own."""
    place = before.given_folder or (
        checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else Path("runs") / checkpoint.stem
    )
    folder = Path(place) / "on" / Path(name).stem
    given = [option for option in options_of(words) if option.name.startswith("--data.")]
    rest = without(words, "--trainer.default_root_dir", *(option.name for option in given))
    of_data = [word for option in given for word in option.words]  # which belong to the data that are named before
    return [*rest, "--data", file, *of_data, "--trainer.default_root_dir", str(folder)]


def _input_words(before: ParsedSession, now: ParsedSession) -> list[str]:
    """Options that keep the net's input that of the training, but for those that the user gave."""
    old, new = (one.plain_config()["data"]["init_args"] for one in (before, now))
    found = []
    for key in ("size", "fit", "pad_value"):
        if key in old and old[key] != new.get(key) and not has(now.args, f"--data.{key}"):
            found += [f"--data.{key}", _text(old[key])]
    if has(now.args, "--data.crop"):
        return found
    crop, own = old.get("crop"), new.get("crop")
    if crop is None and own is not None:
        found += ["--data.crop", "null"]
    elif crop is not None:
        scale = (own or crop)["scale"]
        found += ["--data.crop", f"{{size: {crop['size']}, scale: {scale}}}"]
    return found


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def _short_name(session: ParsedSession) -> str:
    """The dataset of a command line."""
    path = session.plain_config()["data"]["class_path"]
    cls = getattr(datasets, path.rpartition(".")[2], None)
    return cls.short_name if cls is not None and issubclass(cls, SegmentationDataModule) else str(path)


def _trained(session: ParsedSession, root: Path, checkpoint: Path, dataset: str) -> Record:
    """The record of the training of a checkpoint.

    Raises:
        ConfigError: If there is none, or the options forbid a record.
        UserError: If there is no folder `root`, or no record can be written to it.
    """
    option = asked_option(session.config)
    if option is not None:
        raise ConfigError(f"The record of a test with {OPTION} is of plain predictions: leave out {option}.")
    refuse_parts(session.config, ("test",))
    require_root(root)
    sha256 = file_sha256(checkpoint)
    for record in _recorded(root, checkpoint, sha256):
        probe_leaderboard(root, dataset)
        return record
    raise ConfigError(
        f"No record in '{root}' is of the training that left this checkpoint ({sha256[:8]}...): name the --leaderboard "
        "that `polybench fit` wrote to, or leave it out."
    )


def _recorded(root: Path, checkpoint: Path, sha256: str) -> Iterator[Record]:
    """The records of the training of a checkpoint, or those that a file of weights to take away names."""
    if checkpoint.suffix == SUFFIX:
        facts = read_weights(checkpoint).metadata
        named = records_naming(root, facts.get("dataset", ""), [facts.get("training_id", sha256)])
        yield from (one.record for one in named if one.name == facts.get("record") and not is_altered(one.record))
        return
    for dataset in recorded_datasets(root):
        yield from trainings_of(root, dataset, sha256)


def _section(trained: Record, metrics: Mapping[str, ProtocolScores], dataset: str) -> Section:
    """How the score on other data compares with that on the test images of the training's own dataset."""
    protocol, metric = headline(trained)
    own = trained.metrics[protocol]
    found = {f"{trained.dataset.name}, where it was trained": own}
    if protocol in metrics and metric in metrics[protocol].values:
        found[dataset] = metrics[protocol]
    rows = [
        _row(name, scores.values[metric], {"images": scores.n, "groups": scores.groups})
        for name, scores in found.items()
    ]
    if len(found) == 2:
        rows.append(_row("difference", difference(metrics[protocol].values[metric], own.values[metric]), {}))
    way = own.values[metric].direction
    return Section(
        title="Tested on data of another dataset",
        note="The net has seen no image of this dataset in training or validation. The difference is that of two sets "
        "of images; differences on the same images, from nets that were trained on this dataset, stand below the "
        "ranked table.",
        columns=(
            Column(key="data", header="Test images of", kind="text"),
            Column(key="images", header="Images", kind="count"),
            Column(key="groups", header="Groups", kind="count"),
            Column(key="value", header=f"{title(metric)} ({protocol})", direction=way),
            Column(key="low", header="95 % interval from"),
            Column(key="high", header="to"),
        ),
        rows=tuple(rows),
        facts={"Trained on": f"{trained.dataset.name}, split {trained.dataset.split}"},
        data={"trained_on": trained.dataset.name, "split_sha256": trained.dataset.split_sha256},
        alters=True,
        row_note=f"Trained on {trained.dataset.name}, not on this dataset.",
    )


def _row(name: str, value: MetricValue, counts: Mapping[str, int]) -> dict[str, Value]:
    return {"data": name, **counts, "value": value.value, "low": value.low, "high": value.high}


def difference(one: MetricValue, other: MetricValue) -> MetricValue:
    """The difference of two numbers of independent images, with the interval that follows from their own.

    Zou and Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
    Medicine 27(10), 2008: distances of the ends from the numbers are squared and added.

    Args:
        one: A number with the ends of its interval.
        other: The one that is subtracted.

    Example:
        >>> found = difference(MetricValue(0.5, 0.2, 0.6, "higher"), MetricValue(0.75, 0.65, 1.15, "higher"))
        >>> found.value, found.low, round(found.high, 4)
        (-0.25, -0.75, -0.1086)
    """
    value = one.value - other.value
    if None in (one.low, one.high, other.low, other.high):
        return MetricValue(value, None, None, one.direction)
    low = value - math.hypot(one.value - (one.low or 0.0), (other.high or 0.0) - other.value)
    high = value + math.hypot((one.high or 0.0) - one.value, other.value - (other.low or 0.0))
    return MetricValue(value, low, high, one.direction)
