"""Colours and optics of synthetic fundus photographs: the cameras of the datasets and the eyes of a person."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from polybench.synth.brush import Floats


@dataclass(frozen=True)
class Camera:
    """Properties of a dataset's camera.

    Attributes:
        place: Centre of the field of view, as shares of height and width.
        radius: Radius of the field of view, as a share of the shorter side.
        red: Mean and deviation over images of the mean red value inside the field of view.
        green: The same as a share of red.
        blue: The same as a share of green.
        black: Colour outside the field of view (3).
        falloff: How much darker the edge is.
        sharpness: Deviation of the blur in pixels at a radius of 270 pixels.
        contrast: Contrast of the vessels.
        reflex: Brightness of the reflex along wide vessels.
        blotches: Strength of the choroid's red blotches.
        sheen: Strength of the nerve fibres' reflexes, which young eyes have.
        stray: Colour of stray light at the rim (3, 1, 1), relative to the fundus.
        disc: Colour of the optic disc's rim (3).
        cup: Colour of its cup (3).
        tab: Whether the aperture has the small round notch.
    """

    place: tuple[float, float]
    radius: float
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    black: tuple[float, float, float]
    falloff: float
    sharpness: float
    contrast: float
    reflex: float
    blotches: float
    sheen: float
    stray: Floats
    disc: Floats
    cup: Floats
    tab: bool


CAMERAS = {
    "drive": Camera(
        place=(0.513, 0.493),
        radius=0.4765,
        red=(193, 30),
        green=(0.52, 0.06),
        blue=(0.57, 0.06),
        black=(8.2, 6.7, 6.9),
        falloff=0.38,
        sharpness=0.75,
        contrast=0.95,
        reflex=0.25,
        blotches=0.015,
        sheen=0.15,
        stray=np.array([0.25, 1.0, 0.9])[:, None, None],
        disc=np.array([236.0, 160.0, 88.0]),
        cup=np.array([252.0, 222.0, 136.0]),
        tab=True,
    ),
    "chase": Camera(
        place=(0.499, 0.4935),
        radius=0.478,
        red=(180, 40),
        green=(0.36, 0.05),
        blue=(0.17, 0.03),
        black=(0.5, 0.1, 0.1),
        falloff=0.72,
        sharpness=0.6,
        contrast=1.4,
        reflex=0.8,
        blotches=0.10,
        sheen=1.0,
        stray=np.array([0.05, 0.3, 3.0])[:, None, None],
        disc=np.array([246.0, 118.0, 16.0]),
        cup=np.array([255.0, 205.0, 46.0]),
        tab=False,
    ),
}


@dataclass(frozen=True)
class Appearance:
    """Properties that both eyes of a person share.

    Attributes:
        colour: Mean of red, green and blue inside the field of view (3).
        disc: Half height of the optic disc, and its half width over that.
        cup: Radius of the cup as a share of the disc's.
        macula: Depth of the macula's pigment.
        choroid: Strength of the choroidal pattern.
        vessels: Absorption of arteries and of veins.
    """

    colour: Floats
    disc: tuple[float, float]
    cup: float
    macula: float
    choroid: float
    vessels: tuple[float, float]


def make_appearance(person: np.random.Generator, field: Literal["drive", "chase"]) -> Appearance:
    """Draw the properties that both eyes of a person share."""
    camera = CAMERAS[field]
    red, green, blue = (
        mean + spread * np.clip(person.normal(), -2, 2) for mean, spread in (camera.red, camera.green, camera.blue)
    )
    return Appearance(
        colour=np.array([red, red * green, red * green * blue]),
        disc=(person.uniform(0.185, 0.22), person.uniform(0.86, 0.97)),
        cup=person.uniform(0.30, 0.55),
        macula=person.uniform(0.25, 0.5),
        choroid=person.uniform(0.2, 1.0) ** 2,
        vessels=(person.uniform(0.28, 0.38), person.uniform(0.42, 0.54)),
    )
