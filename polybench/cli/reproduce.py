"""`polybench reproduce`: run a row again, and say whether its numbers come out."""

from pathlib import Path

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError, did_you_mean
from polybench.core.wording import listed

DESCRIPTION = (
    "Run a row of the leaderboards again in a folder of its own, with the number of threads of its record, and compare "
    "it image by image: identical, or the paired difference with its 95 % interval beside the spread of the row's "
    "seeds, and what is other than it was (versions, machine, data). The verdict is written as a mark, which the row's "
    "page shows. Further options, such as --trainer.accelerator gpu, go to fit."
)


def main(args: list[str]) -> int:
    """Run the command and return its exit code: 1 where the number doesn't come out.

    Raises:
        UserError: If there is no such record, it can't be run again, or data are missing.
    """
    parser = Parser("polybench reproduce", DESCRIPTION)
    parser.add_argument(
        "record", metavar="RECORD", help="a record's file, or its name: unet_lite0_clinicdb-88b3a1c2-s0"
    )
    parser.add_leaderboard()
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/reproduce"),
        help="where rows are run again, each in a folder of its own",
    )
    parser.add_argument(
        "--evaluate", type=Path, metavar="CHECKPOINT", help="test this checkpoint instead of training again"
    )
    parser.add_argument("--no_mark", action="store_true", help="write no mark beside the records")
    options, words = parser.parse_known_args(args)
    path = _found(options.record, options.root)

    from polybench.results.page import write_page
    from polybench.results.verified import mark_of, write_mark
    from polybench.runs.report import read_stored
    from polybench.runs.reproduce import evaluate_again, fit_words, run_again
    from polybench.runs.verdict import compared, mark_for

    stored = read_stored(path)
    fit_words(stored.record)
    folder = options.folder / path.stem
    if options.evaluate is None:
        second = run_again(stored, folder, words)
    else:
        second = evaluate_again(stored, options.evaluate, folder / "test", words)
    verdict = compared(stored, second, path.parents[2])
    print(verdict.sentence())
    for sentence in verdict.changed:
        print(f"  {sentence}")
    what, mark = "training" if options.evaluate is None else "test", mark_of(stored)
    if verdict.kind == "another training":
        print("No mark is written, since it says nothing of this row.")
    elif mark is not None and mark.what == "training" and what == "test":
        print("The mark of the row, which was trained again, stays.")
    elif not options.no_mark:
        print(
            f"Mark: {write_mark(path.parents[2], path.parent.name, path.stem, mark_for(stored, verdict, second, what))}"
        )
        print(f"Page: {write_page(path.parents[2], path.parent.name)}")
    return 0 if verdict.reproduced else 1


def _found(name: str, root: Path) -> Path:
    """The file of a record.

    Raises:
        ConfigError: If there is none of that name, or several.
    """
    if name.endswith(".csv"):
        raise ConfigError(f"'{name}' is the table of a record: give the record's file, which ends in .json.")
    if name.endswith(".json"):
        if not Path(name).is_file():
            raise ConfigError(f"There is no record '{name}'.")
        return Path(name).resolve()
    paths = sorted((root / "records").glob("*/*.json"))
    found = [path for path in paths if path.stem == name]
    if not found and (runs := [path.stem for path in paths if path.stem.startswith(f"{name}-")]):
        raise ConfigError(f"'{name}' is no record, but a row of {len(runs)}: give one of {listed(runs[:4])}.")
    if not found:
        raise ConfigError(f"'{root}' has no record '{name}'.{did_you_mean(name, [path.stem for path in paths])}")
    if len(found) > 1:
        raise ConfigError(f"'{name}' names {len(found)} records: give the file, such as '{found[0]}'.")
    return found[0].resolve()
