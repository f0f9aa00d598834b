"""Dataset cards: terms, source and citation of a dataset, and properties of its official copy."""

from dataclasses import dataclass

SYNTHETIC_MARKER = "SYNTHETIC.txt"
"""A folder with this file holds generated images in a dataset's layout."""

DOWNLOAD_NOTE = "DOWNLOADED.txt"
"""A folder with this file was unpacked from archives with the published checksums; it holds the hash of the content."""


@dataclass(frozen=True)
class Archive:
    """A downloadable file of a dataset.

    Attributes:
        url: Address, without registration.
        name: File name on disk.
        bytes: Its size, if the source states one.
        sha256: Its checksum, if known; without it, a download is checked by size and type only.
        folder: Folder that it is unpacked into, below the dataset's own; empty for that folder itself.
        strip: Number of leading folders of the archive that are dropped.
    """

    url: str
    name: str
    bytes: int | None = None
    sha256: str | None = None
    folder: str = ""
    strip: int = 0


@dataclass(frozen=True)
class Card:
    """Properties of a dataset's official copy; a dataset of the user's own only needs a title.

    Attributes:
        title: Full name.
        citation: The paper to cite.
        terms: What its authors allow, or that they state nothing.
        source: Where it is available: a page, or a person to ask.
        images: Number of labelled images of the official copy; None for a folder of the user's own.
        sizes: Native sizes (height, width) of the official images, if they are few.
        smallest: Least height and width of an official image, where sizes vary.
        manifest_sha256: Hash of the official copy's content, as printed by `polybench data verify --json`, if known;
            counts and sizes alone don't distinguish that copy from a re-encoded one.
        mask_rule: Coding of masks and the rule for reading them.
        groups: Definition of a group, and whether groups are known.
        defects: Known defects of the official copy itself.
        archives: Files of an open source; none where the source is gated.
        steps: Manual steps for a gated source.
    """

    title: str
    citation: str = "that of its authors"
    terms: str = "those of its authors"
    source: str = "yours"
    images: int | None = None
    mask_rule: str = "any image type, foreground > 127, or 1 where all masks hold 0 and 1 alone"
    groups: str = "those of your split"
    sizes: frozenset[tuple[int, int]] = frozenset()
    smallest: tuple[int, int] | None = None
    manifest_sha256: str | None = None
    defects: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()
    steps: tuple[str, ...] = ()

    def differences(self, native_sizes: list[tuple[int, int]]) -> list[str]:
        """List the differences between a copy and the official one in counts and sizes.

        Args:
            native_sizes: Height and width of every image of the copy.
        """
        notes = []
        if self.images is not None and len(native_sizes) != self.images:
            notes.append(f"{len(native_sizes)} of {self.images} images")
        if self.sizes:
            others = sorted({size for size in native_sizes if size not in self.sizes})
            if others:
                official = ", ".join(f"{width}x{height}" for height, width in sorted(self.sizes)[:3])
                notes.append(f"images of {_shown(others)} instead of {official}")
        if self.smallest is not None:
            least = self.smallest
            others = sorted({size for size in native_sizes if size[0] < least[0] or size[1] < least[1]})
            if others:
                notes.append(f"images of {_shown(others)}; the smallest official one is {least[1]}x{least[0]}")
        return notes


def _shown(sizes: list[tuple[int, int]]) -> str:
    more = f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else ""
    return ", ".join(f"{width}x{height}" for height, width in sizes[:3]) + more
