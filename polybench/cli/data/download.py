"""`polybench data download`: download a dataset from an open source, or print how to get it by hand."""

from pathlib import Path
from typing import TYPE_CHECKING

from polybench.cli.parser import Parser
from polybench.core.errors import DataError

if TYPE_CHECKING:
    from polybench.data.card import Archive


def main(args: list[str]) -> int:
    """Fetch, check and unpack.

    Args:
        args: The arguments after `polybench data download`.

    Returns:
        The exit code: 1 where the source is gated and the copy is not there.

    Raises:
        UserError: If there is no such dataset, synthetic images are in its place, or the download fails.
    """
    parser = Parser(
        "polybench data download",
        "Download a dataset from an open source and unpack it; an archive that is there is checked instead. For a set "
        "behind a registration, print how to get it by hand.",
    )
    parser.add_argument("name", help="the dataset's short name, as `polybench data list` shows it")
    parser.add_argument("--root", type=Path, help="folder of the datasets (default: POLYBENCH_DATA, or ./data)")
    options = parser.parse_args(args)

    from polybench.cli.data.modules import default_root, is_here, is_synthetic, module_class

    cls = module_class(options.name)
    root: Path = options.root or Path(default_root())
    target, kept = root / cls.folder, root / "archives"
    print(f"{cls.card.title}. Terms: {cls.card.terms}. Cite: {cls.card.citation}.")
    folders = [f"'{root / name}'" for name in cls.official_folders()]
    then = f"Then: polybench data verify {options.name} --root {root}"
    here = is_here(cls, root)
    if not cls.card.archives and not cls.card.steps:
        print(f"There is nothing to fetch; source: {cls.card.source}.")
        return 0
    if is_synthetic(cls, root):
        raise DataError(
            f"{' or '.join(folders)} holds synthetic images: remove it, or name another folder with --root."
        )
    if here and not any((kept / archive.name).exists() for archive in cls.card.archives):
        print(f"The folder {' and the folder '.join(folders)} is there already; remove it to download again.\n{then}")
        return 0
    if not cls.card.archives:
        print(f"No program may fetch it ({cls.card.source}). By hand:")
        for number, step in enumerate(cls.card.steps, start=1):
            print(f"{number}. {step.replace('<data>', str(root))}")
        print(then)
        return 1
    count = sum(_fetch_and_unpack(archive, kept, target) for archive in cls.card.archives)
    if all(archive.sha256 for archive in cls.card.archives):
        _note_content(options.name, root, count)
    print(then)
    return 0


def _fetch_and_unpack(archive: "Archive", kept: Path, target: Path) -> int:
    from polybench.curation.download import fetch
    from polybench.curation.extract import unpack

    path = fetch(archive, kept)
    folder = target / archive.folder
    count = unpack(path, folder, strip=archive.strip)
    state = "is whole" if archive.sha256 else "is taken on trust, since no checksum of it is published"
    print(f"'{path}' {state}; its {count} files are in '{folder}'.")
    return count


def _note_content(name: str, root: Path, count: int) -> None:
    """Leave the hash of the content beside it, if the folder holds the files of the archives and no others."""
    from polybench.cli.data.modules import open_copy
    from polybench.data.manifest import manifest_sha256
    from polybench.data.official import note_download
    from polybench.data.unread import unread_files

    data = open_copy(name, str(root), None)
    sources = data.sources()
    files = {path for source in sources for path in source.files}
    if len(files) + len(unread_files(data.directory, sources)) == count:
        archives = [archive.name for archive in data.card.archives]
        note_download(data.directory, archives, manifest_sha256(sources, data.cache_dir))
