"""`polybench wandb`: records of the leaderboards as runs in a W&B project, each once, and the table of all rows."""

from pathlib import Path

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError
from polybench.core.wording import counted

FORBIDDEN = "/\\#?%:"
"""What W&B has in no name of a project."""

DESCRIPTION = (
    "Send the records of trained nets to a W&B project as runs, each once, and the table of all ranked rows. Without a "
    "login they are written to a folder, and `wandb sync` sends them."
)


def main(args: list[str]) -> int:
    """Run the command and return the exit code, 0.

    Args:
        args: The arguments after `polybench wandb`.

    Raises:
        UserError: For an unknown option or dataset, a missing folder or a record that can't be read.
    """
    parser = Parser("polybench wandb", DESCRIPTION)
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help="of which datasets (all)")
    parser.add_argument("--project", required=True, metavar="NAME", help="the W&B project")
    parser.add_leaderboard()
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/wandb"), help="where runs are written without a login (%(default)s)"
    )
    parser.add_argument("--again", action="store_true", help="send records again that were sent before")
    parser.add_argument(
        "--workspace",
        action="store_true",
        help="also make the project's workspace: for each dataset, headline against cost, and settings",
    )
    options = parser.parse_args(args)
    if wrong := set(options.project) & set(FORBIDDEN):
        raise ConfigError(f"--project '{options.project}' has {' '.join(sorted(wrong))}, which W&B has in no name.")
    options.folder.mkdir(parents=True, exist_ok=True)

    from polybench.results.record import recorded_datasets
    from polybench.runs.upload import upload  # wandb, which --help can do without

    sent = upload(options.root, options.project, options.datasets, options.folder, again=options.again)
    if sent.note is not None:
        print(f"Note: {sent.note}")
    if sent.offline:
        done = (
            f"{counted(len(sent.runs), 'record')} written to '{options.folder}', {sent.before} written or sent before"
        )
        print(f"{done}. 'wandb sync --include-offline {options.folder}/wandb/offline-run-*' sends what was written.")
    else:
        print(f"{counted(len(sent.runs), 'record')} sent, {sent.before} sent before.")
    print(f"Table of all ranked rows: {sent.place}")
    if options.workspace:
        from polybench.runs.workspace import save_workspace

        names = options.datasets or recorded_datasets(options.root)
        print(save_workspace(options.project, names, options.folder))
    return 0
