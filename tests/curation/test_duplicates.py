import io
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from polybench.curation import duplicates, similarity
from polybench.curation.duplicates import Fingerprint, Pair, find_pairs, fingerprint
from polybench.data.images import UInt8Array, read_image
from polybench.synth.polyps import polyp_frame

SIZE = (64, 64)


@cache
def frame(sequence: int, number: int = 0) -> UInt8Array:
    return polyp_frame(0, sequence, number, size=SIZE)[0]


def unrelated(n: int = 12) -> list[Fingerprint]:
    """Frames of n sequences, none of which resembles another."""
    return [fingerprint(f"other_{k}", frame(100 + k)) for k in range(n)]


def jpeg(image: UInt8Array) -> UInt8Array:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=60)
    return np.asarray(Image.open(file).convert("RGB"))


def resized(image: UInt8Array) -> UInt8Array:
    return np.asarray(Image.fromarray(image).resize((50, 40), Image.Resampling.BICUBIC))


def brighter(image: UInt8Array) -> UInt8Array:
    return np.asarray(ImageEnhance.Contrast(ImageEnhance.Brightness(Image.fromarray(image)).enhance(1.3)).enhance(0.7))


def recoloured(image: UInt8Array) -> UInt8Array:
    return (image * np.array([1.0, 0.7, 0.5])).astype(np.uint8)


def shifted(image: UInt8Array) -> UInt8Array:
    return np.pad(image, ((3, 0), (0, 3), (0, 0)), mode="edge")[:-3, 3:]


def cropped(image: UInt8Array) -> UInt8Array:
    return np.asarray(Image.fromarray(image).crop((3, 3, 61, 61)).resize((64, 64), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("change", [jpeg, resized, brighter, recoloured, shifted, cropped])
def test_a_changed_copy_is_a_near_duplicate(change: Callable[[UInt8Array], UInt8Array]) -> None:
    images = [*unrelated(), fingerprint("a", frame(0)), fingerprint("b", change(frame(0)))]
    [pair] = find_pairs(images).pairs
    assert (pair.first, pair.second, pair.kind, pair.turn) == ("a", "b", "duplicate", "upright")


@pytest.mark.parametrize(
    ("transpose", "turn"),
    [
        (Image.Transpose.ROTATE_180, "turned by 180°"),
        (Image.Transpose.FLIP_LEFT_RIGHT, "mirrored left to right"),
        (Image.Transpose.FLIP_TOP_BOTTOM, "mirrored top to bottom"),
        (Image.Transpose.ROTATE_270, "turned clockwise by 90°"),  # Pillow counts anticlockwise
        (Image.Transpose.ROTATE_90, "turned clockwise by 270°"),
        (Image.Transpose.TRANSPOSE, "turned clockwise by 90°, then mirrored"),
        (Image.Transpose.TRANSVERSE, "turned clockwise by 270°, then mirrored"),
    ],
)
def test_a_turned_copy_is_a_near_duplicate_and_says_how_it_is_turned(transpose: Image.Transpose, turn: str) -> None:
    copy = np.asarray(Image.fromarray(frame(0)).transpose(transpose))
    [pair] = find_pairs([*unrelated(), fingerprint("a", frame(0)), fingerprint("b", copy)]).pairs
    assert (pair.kind, pair.turn) == ("duplicate", turn)
    assert pair.correlation > 0.95


def test_unrelated_images_are_no_pairs() -> None:
    assert find_pairs(unrelated(40)).pairs == ()


def test_frames_of_a_sequence_are_near_and_those_of_others_are_not() -> None:
    images = [fingerprint(f"{s}_{k}", frame(s, k)) for s in range(8) for k in range(4)]
    sequences = [(pair.first[0], pair.second[0]) for pair in find_pairs(images).pairs]
    assert all(first == second for first, second in sequences)
    assert {first for first, _ in sequences} == set("01234567")


def test_what_all_images_share_makes_no_pairs() -> None:
    shared = frame(99).astype(np.float32)
    images = []
    for k in range(40):
        image = 0.65 * shared + 0.35 * frame(100 + k)
        image[:6], image[50:, :30] = 5, 5
        images.append(fingerprint(f"{k}", image.astype(np.uint8)))
    assert find_pairs(images).pairs == ()


def test_same_pixels_are_exact_and_tell_whether_the_masks_agree() -> None:
    mask = polyp_frame(0, 0, 0, size=SIZE)[1].astype(np.uint8)
    images = [fingerprint("a", frame(0), mask), fingerprint("b", frame(0), mask), fingerprint("c", frame(0), 1 - mask)]
    assert find_pairs(images).pairs == (
        Pair("a", "b", "exact", 1.0, 0, same_mask=True),
        Pair("a", "c", "exact", 1.0, 0, same_mask=False),
        Pair("b", "c", "exact", 1.0, 0, same_mask=False),
    )


def test_equal_bytes_in_another_shape_are_not_the_same_pixels() -> None:
    pixels = np.arange(48, dtype=np.uint8)
    assert (
        fingerprint("a", pixels.reshape(4, 4, 3)).pixels_sha256
        != fingerprint("b", pixels.reshape(2, 8, 3)).pixels_sha256
    )


def test_flat_images_are_pairs_only_where_their_pixels_are_equal() -> None:
    images = [fingerprint(f"{k}", np.full((64, 64, 3), level, np.uint8)) for k, level in enumerate((0, 0, 90, 200))]
    assert [(pair.first, pair.second, pair.kind) for pair in find_pairs(images).pairs] == [("0", "1", "exact")]


def blend(weight: float) -> UInt8Array:
    """Frame 0 with another frame laid over it, so that the two are alike in part."""
    return (weight * frame(0) + (1 - weight) * frame(200)).astype(np.uint8)


def test_chance_raises_the_threshold_of_scenes() -> None:
    alike = [*unrelated(), fingerprint("a", frame(0)), fingerprint("b", blend(0.55))]
    [pair] = find_pairs(alike).pairs
    assert pair.kind == "scene"
    mirrored = fingerprint("c", np.ascontiguousarray(blend(0.56)[:, ::-1]))
    search = find_pairs([*alike, mirrored])
    assert search.chance is not None
    assert search.chance == pytest.approx(pair.correlation, abs=0.04)
    assert search.scene_threshold == pytest.approx(search.chance + 0.05)
    assert not any({"a", "b"} == {p.first, p.second} for p in search.pairs)


def test_without_images_nothing_is_found() -> None:
    search = find_pairs([])
    assert search.pairs == ()
    assert search.chance is None


def test_the_order_of_the_images_and_the_block_change_nothing() -> None:
    images = [fingerprint(f"{s}_{k}", frame(s, k)) for s in range(3) for k in range(3)]
    whole = find_pairs(images)
    assert len(whole.pairs) > 3
    assert find_pairs(images[::-1]) == whole
    in_blocks = find_pairs(images, block=2)
    assert [(p.first, p.second) for p in in_blocks.pairs] == [(p.first, p.second) for p in whole.pairs]
    assert [p.correlation for p in in_blocks.pairs] == pytest.approx([p.correlation for p in whole.pairs], abs=1e-4)


def bit_hash(signs: np.ndarray) -> int:
    return int("".join("1" if sign > 0 else "0" for sign in signs), 2)


def shifted_correlation(first: np.ndarray, second: np.ndarray, reach: int) -> float:
    """Best sum of products over whole shifts, in plain space; what leaves the picture counts as zero."""
    side = len(first)
    best = -1.0
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            a = first[max(0, dy) : side + min(0, dy), max(0, dx) : side + min(0, dx)]
            b = second[max(0, -dy) : side + min(0, -dy), max(0, -dx) : side + min(0, -dx)]
            best = max(best, float((a * b).sum()))
    return best


def test_the_search_finds_what_brute_force_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "ZOOMS", (1.0,))
    monkeypatch.setattr(duplicates, "TURNS", {duplicates.UPRIGHT: "upright"})
    images = [fingerprint(f"{s}_{k}", frame(s, k)) for s in range(4) for k in range(3)]
    coarse, details = similarity.detail_maps(np.stack([image.thumbnail for image in images]))
    hashes = [bit_hash(signs) for signs in similarity.perceptual_hashes(coarse)]
    expected = {}
    for i, j in combinations(range(len(images)), 2):
        hamming = (hashes[i] ^ hashes[j]).bit_count()
        value = shifted_correlation(details[i], details[j], similarity.REACH)
        if hamming <= 16 and value >= 0.6:
            expected[images[i].id, images[j].id] = (hamming, pytest.approx(value, abs=1e-4))
    found = {(pair.first, pair.second): (pair.hamming, pair.correlation) for pair in find_pairs(images).pairs}
    assert len(expected) >= 6
    assert found == expected


@pytest.mark.data
def test_frames_with_the_same_clock_on_them_are_found_in_kvasir_seg(real_data: Path) -> None:
    # The processor's clock on the pictures reads 12:22:33 on both of the first pair and 07:05:00 on both of the second.
    pairs = [
        ("cju7b10ce1mnm08011c5bwyr4", "cjyzu3reghjya0794w7pwoi50"),
        ("cju5y4hgqmk0i08180rjhbwvp", "cjyzlw7f9faqr070129au64sq"),
    ]
    others = ["cju0qkwl35piu0993l0dewei2", "cju0qoxqj9q6s0835b43399p4", "cju0s690hkp960855tjuaqvv0"]
    ids = [*others, *(image_id for pair in pairs for image_id in pair)]
    folder = real_data / "Kvasir-SEG" / "images"
    found = find_pairs([fingerprint(image_id, read_image(folder / f"{image_id}.jpg")) for image_id in ids]).pairs
    assert {(pair.first, pair.second) for pair in found} == set(pairs)


@pytest.mark.data
def test_no_pair_of_clinicdb_leaves_its_sequence(real_data: Path) -> None:
    # Last frame of each of the 29 sequences, from the table in the dataset's README.
    ends = [25, 50, 67, 78, 103, 126, 151, 177, 199, 205, 227, 252, 277, 297, 317, 342, 363, 383, 408, 428, 447, 466]
    ends += [478, 503, 528, 546, 571, 591, 612]
    paths = sorted((real_data / "CVC-ClinicDB" / "Original").glob("*.jpg"))
    found = find_pairs([fingerprint(path.stem, read_image(path)) for path in paths]).pairs
    sequences = [tuple(int(np.searchsorted(ends, int(name))) for name in (p.first, p.second)) for p in found]
    assert all(first == second for first, second in sequences)
    assert len({first for first, _ in sequences}) >= 25
