"""The console script: a lazy dispatcher that imports only what the command needs."""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

from polybench.core.disk import advice
from polybench.core.errors import ConfigError, UserError, did_you_mean
from polybench.core.place import is_first, rank
from polybench.core.version import __version__
from polybench.core.wording import escaped


class Command(NamedTuple):
    """A subcommand: the module with its `main(args)`, and its line in the help."""

    module: str
    summary: str


COMMANDS = {
    "fit": Command("polybench.cli.fit", "train, test the best checkpoint, write the record and the page"),
    "validate": Command("polybench.cli.validate", "evaluate a checkpoint on the validation subset"),
    "test": Command("polybench.cli.test", "evaluate a checkpoint on the test subset"),
    "predict": Command("polybench.cli.predict", "write a mask for every image of a folder"),
    "score": Command("polybench.cli.score", "score a folder of anyone's predictions under every protocol"),
    "profile": Command("polybench.cli.profile", "measure size, speed, memory and what a step waits for"),
    "data": Command("polybench.cli.data", "list, verify, download, audit, split and synthesise datasets"),
    "list": Command(
        "polybench.cli.list",
        "list the models beside what was published, or the tables of the papers and their commands",
    ),
    "transfer": Command(
        "polybench.cli.transfer", "run a plan in which stages start from the weights of others, and compare the stages"
    ),
    "finetune": Command("polybench.cli.finetune", "run a study of how deep to tune, with how much of the data"),
    "matrix": Command("polybench.cli.matrix", "run methods x datasets x seeds, each cell once, and list the numbers"),
    "runs": Command("polybench.cli.runs", "list the cells of plans and matrices, or the rows that are out of date"),
    "reproduce": Command("polybench.cli.reproduce", "run a row again, and say whether its numbers come out"),
    "compare": Command("polybench.cli.compare", "compare rows, or anyone's scores, image by image"),
    "wandb": Command("polybench.cli.wandb", "send records to a W&B project as runs, each once, with the table of rows"),
    "compare-images": Command(
        "polybench.cli.compare_images", "show images, truth and the masks of several nets side by side, as PNG and PDF"
    ),
    "leaderboard": Command("polybench.cli.leaderboard", "regenerate the leaderboard pages from the records"),
}


def usage() -> str:
    """The text of `polybench --help`."""
    lines = "\n".join(f"  {name:<14} {command.summary}" for name, command in COMMANDS.items())
    return (
        "usage: polybench COMMAND [OPTIONS]\n\n"
        "A benchmark of 2-D biomedical image segmentation whose numbers can be trusted.\n\n"
        f"commands:\n{lines}\n\n"
        "options:\n  -h, --help    show this help\n  --version     show the version\n\n"
        "Start with: polybench fit --config conf/quickstart.yaml\n"
        "Each command explains itself: polybench COMMAND --help\n"
        "POLYBENCH_TRACEBACK=1 in the environment shows where an error comes from."
    )


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; an error that a user can correct is printed as one sentence."""
    try:
        return _dispatch(list(args))
    except UserError as error:
        if os.environ.get("POLYBENCH_TRACEBACK"):
            traceback.print_exception(error)
        where = "error" if is_first() else f"error in process {rank()}"
        print(f"polybench: {where}: {_printable(str(error))}", file=sys.stderr, flush=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except OSError as error:
        if error.errno is None:
            raise
        print(f"polybench: error: {_printable(_refused(error))}", file=sys.stderr)
        return ConfigError.exit_code
    except KeyboardInterrupt:
        print("polybench: interrupted", file=sys.stderr)
        return 130


def _printable(text: str) -> str:
    """A text without control characters, its lines kept."""
    return "\n".join(escaped(line) for line in text.split("\n"))


def _refused(error: OSError) -> str:
    """The sentence for a file that the system refused, where no caller has named it."""
    if error.filename is not None:
        return f"'{os.fsdecode(error.filename)}' can't be used {advice(Path(os.fsdecode(error.filename)), error)}"
    run_folder = os.environ.get("POLYBENCH_RUN_FOLDER")
    where = f"in the folder of the run '{run_folder}', " if run_folder else ""
    return f"A file {where}in '{Path.cwd()}', or the output of the command, can't be written {advice(Path(), error)}"


def _dispatch(args: list[str]) -> int:
    for word in args:
        if any("\ud800" <= char <= "\udfff" for char in word):  # how Python holds bytes that are no UTF-8
            raise ConfigError(f"'{escaped(word)}' is not UTF-8: rename the file or folder.")
    if not args or args[0] in {"-h", "--help"}:
        print(usage())
        return 0 if args else 2
    if args[0] == "--version":
        print(f"polybench {__version__}")
        return 0
    if args[0] not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise ConfigError(f"There is no command '{args[0]}'; there are {known}.{did_you_mean(args[0], COMMANDS)}")
    module = import_module(COMMANDS[args[0]].module)
    code: int = module.main(args[1:])
    sys.stdout.flush()  # so that a full disk raises here, where it gets its sentence
    return code


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may hold what the terminal can't show
    sys.exit(run(sys.argv[1:]))
