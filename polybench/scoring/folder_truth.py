"""The truth of `polybench score` from folders of masks and fields of view."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from polybench.core.errors import DataError
from polybench.core.wording import some
from polybench.data.listing import Listing
from polybench.data.mask_coding import HAS_VOID, has_void
from polybench.data.memory import sizes_of
from polybench.data.pairing import by_stem
from polybench.scoring.memory import refuse_too_large_to_score
from polybench.scoring.predictions import MapFolder, contents_sha256, find_maps, left_out_remark, list_maps, survey
from polybench.scoring.truth import THRESHOLD, BoolArray, Labelled, Truth, refuse_mixture

GREY = 0.2
"""Share of ambiguous pixels (0.1 to 0.9) among those above 0 from which a file is reported as hardly a mask."""

NUMBERS = ", or give --instances if it numbers objects"


def folder_truth(masks: Path, valids: Path | None, *, instances: bool, membranes: bool) -> Truth:
    """Read masks and fields of view from folders; each image is a group of its own.

    Args:
        masks: Folder of masks.
        valids: Folder of fields of view; None for none.
        instances: Whether the masks are label maps.
        membranes: Whether they show the interiors of cells between membranes.

    Raises:
        DataError: If a folder is missing or empty, a field of view is missing or empty, masks have two codings, or
            they are label maps without `instances`.
    """
    from polybench.metrics.protocols import FOV, INSTANCES, MEMBRANES, PER_IMAGE, PROTOCOLS

    protocols = (*PROTOCOLS, *(INSTANCES,) * instances, *(MEMBRANES,) * membranes)
    listings = [list_maps(folder) for folder in (masks, valids) if folder is not None]
    mask_paths = by_stem(listings[0])
    refuse_too_large_to_score(sizes_of(mask_paths.values()), protocols)
    mask_folder = survey(mask_paths)
    if not instances:
        refuse_mixture(mask_folder, masks)
        _refuse_numbers(mask_folder)
    valid_folder = None if valids is None else _valid_folder(valids, mask_folder)
    folders = _Folders(masks, mask_folder, valids, valid_folder, instances, listings)
    return Truth(
        groups={name: name for name in mask_folder.paths},
        aliases={},
        read=folders.read,
        protocols=protocols,
        ranked_by=PER_IMAGE if valids is None else FOV,
        title=f"'{masks.resolve().name}'",
        place=None,
        identify=folders.identify,
        remarks=folders.remarks,
    )


@dataclass
class _Folders:
    """Folders of masks and fields of view, and the names of masks with many grey pixels."""

    path: Path
    masks: MapFolder
    valid_path: Path | None
    valids: MapFolder | None
    instances: bool
    listings: Sequence[Listing]
    grey: list[str] = field(default_factory=list)

    def read(self, image_id: str) -> Labelled:
        """Read the mask, field of view and instances of an image."""
        labels = self.masks.read_instances(image_id) if self.instances else None
        mask = _binary(self.masks, image_id, self.grey, NUMBERS) if labels is None else labels > 0
        if self.valids is None:
            return Labelled(mask, labels=labels)
        valid = _binary(self.valids, image_id, self.grey)
        if valid.shape != mask.shape:
            raise DataError(
                f"'{self.valids.paths[image_id]}' has another size than '{self.masks.paths[image_id]}': replace the "
                "wrong one."
            )
        if not valid.any():
            raise DataError(
                f"'{self.valids.paths[image_id]}' is an empty field of view: replace it or leave --valid out."
            )
        return Labelled(mask, valid, labels)

    def identify(self) -> dict[str, str]:
        """Return the names of the folders and the hashes of their contents."""
        found = {"folder": self.path.resolve().name, "sha256": contents_sha256(self.masks.paths)}
        if self.valid_path is not None and self.valids is not None:
            valid_sha256 = contents_sha256(self.valids.paths)
            found |= {"valid_folder": self.valid_path.resolve().name, "valid_sha256": valid_sha256}
        return found

    def remarks(self) -> list[str]:
        """Return remarks on files that were left out and on grey masks."""
        left_out = [remark for listing in self.listings for remark in left_out_remark(listing)]
        grey = [f"{len(self.grey)} mask(s) are hardly masks, for grey pixels: {some(self.grey)}"] if self.grey else []
        return left_out + grey


def _valid_folder(valids: Path, masks: MapFolder) -> MapFolder:
    """Find the fields of view of the masks."""
    paths = find_maps(valids)
    if lacking := sorted(set(masks.paths) - set(paths)):
        raise DataError(f"'{valids}' has no field of view for {some(lacking)}: add them under the masks' names.")
    folder = survey({name: paths[name] for name in masks.paths})
    refuse_mixture(folder, valids)
    return folder


def _refuse_numbers(folder: MapFolder) -> None:
    """Refuse label maps that are given as masks."""
    numbered = [folder.paths[name] for name, kind in folder.kinds.items() if kind == "numbered"]
    if numbered:
        raise DataError(
            f"'{numbered[0]}' holds the numbers of objects or classes ({len(numbered)} such file(s)), not a mask: give "
            "--instances if they number objects, else write 0 and 255 for the one class to be scored."
        )


def _binary(folder: MapFolder, name: str, grey: list[str], otherwise: str = "") -> BoolArray:
    """Read a mask, and add its name to `grey` if many of its pixels are grey."""
    values = folder.read(name)
    if 0 < values.max() <= THRESHOLD:
        raise DataError(
            f"'{folder.paths[name]}' has no value above {values.max():.2g} of its type's range, so all of it "
            f"would be background: write 0 and 1 alone in the whole folder, or 0 and 255{otherwise}."
        )
    lossy = folder.paths[name].suffix.lower() in {".jpg", ".jpeg", ".webp"}
    if otherwise and not lossy and has_void(np.rint(values * 255).astype(np.uint8)):
        raise DataError(
            f"'{folder.paths[name]}' {HAS_VOID}: write 0 and 255 for the one class to be scored{otherwise}."
        )
    drawn = values[values > 0]
    several = drawn.size > 0 and drawn.min() < drawn.max()  # black and one grey are unambiguous
    share = float(((drawn > 0.1) & (drawn < 0.9)).mean()) if several else 0.0
    if share > GREY:
        grey.append(f"'{folder.paths[name].name}' ({100 * share:.0f} % of what is not 0)")
    mask: BoolArray = values > THRESHOLD
    return mask
