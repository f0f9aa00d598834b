"""A dataset's card: what a user must know before touching it, and what its official copy looks like."""

from dataclasses import dataclass

SYNTHETIC_MARKER = "SYNTHETIC.txt"
"""A folder with this file holds generated images in a dataset's layout."""

DOWNLOAD_NOTE = "DOWNLOADED.txt"
"""A folder with this file was unpacked from archives whose published checksums fit; it holds the content's hash."""


@dataclass(frozen=True)
class Archive:
    """A file of an open source.

    Attributes:
        url: Where it is had, without registration.
        name: The file's name on disk.
        bytes: Its size, if the source states one.
        sha256: Its checksum, if one is known; without it, the first download is taken on trust, by size and type alone.
        folder: Folder that it unpacks into, below the dataset's own; empty for that folder itself.
        strip: Leading folders inside the archive that are left out.
    """

    url: str
    name: str
    bytes: int | None = None
    sha256: str | None = None
    folder: str = ""
    strip: int = 0


@dataclass(frozen=True)
class Card:
    """What is known of a dataset's official copy; of one of the user's own, a title is enough.

    Attributes:
        title: The name in full.
        citation: The paper to cite.
        terms: What its authors allow, or that they state nothing.
        source: Where it is had: a page, or a person to ask.
        images: Labelled images of the official copy; None for a folder of the user's own.
        sizes: Native sizes (height, width) of the official images, if they are few.
        smallest: Least height and width of an official image, where sizes vary.
        manifest_sha256: Hash of the official copy's content, as `polybench data verify --json` has it, if it is known;
            counts and sizes alone don't tell that copy from one that was encoded anew.
        mask_rule: How a mask is coded and read.
        groups: What a group is, and how far it is known.
        defects: Known defects of the official copy itself.
        archives: Files of an open source; none where the source is gated.
        steps: What to do by hand where it is gated.
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
        """Say how a copy with images of these native sizes differs from the official one, in counts and sizes alone.

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
