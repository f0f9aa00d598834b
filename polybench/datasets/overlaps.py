"""Which datasets have images in common, so that a net that was trained on one isn't tested on another's copies."""

_SOURCES = {
    "endoscenestill": {
        "clinicdb",
        "colondb",
    },  # CVC-612 are ClinicDB's frames, CVC-300 those of ColonDB's first release
    "colondb300": {"colondb"},
    "cvc300": {"colondb"},
    "polyp_pool": {"kvasir_seg", "clinicdb", "colondb", "etis"},
    "pranet": {"kvasir_seg", "clinicdb"},  # those it is trained on
    "isic2016": {"isic"},
    "isic2018": {"isic"},  # with 1145 of the 1279 images of ISIC-2016
    "skin_pool": {"isic", "ph2"},
}
"""Dataset -> where its images come from; others stand for themselves."""


def have_images_in_common(one: str, other: str) -> bool:
    """Check whether two datasets have images in common, by what their authors and comparisons say.

    Args:
        one: Name of a dataset, such as `clinicdb`.
        other: Name of another one.

    Example:
        >>> have_images_in_common("endoscenestill", "clinicdb"), have_images_in_common("kvasir_seg", "clinicdb")
        (True, False)
    """
    return not _SOURCES.get(one, {one}).isdisjoint(_SOURCES.get(other, {other}))
