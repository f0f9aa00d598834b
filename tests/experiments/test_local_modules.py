import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.experiments.class_versions import defaults_of, public_path, resolve, version_of
from polybench.experiments.local_modules import local_files, local_sha256


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A net in a package of one's own, which imports others of its files in every way there is."""
    monkeypatch.syspath_prepend(str(tmp_path))
    files = {
        "apart_net/__init__.py": "",
        "apart_net/net.py": "import math\nimport torch\nfrom . import blocks\nfrom .parts.heads import Head\n"
        "class Net(torch.nn.Module):\n    def __init__(self, width=4):\n        super().__init__()\n"
        "        import apart_late\n",
        "apart_net/blocks.py": "import apart_net.net\n",  # a circle
        "apart_net/parts/__init__.py": "",
        "apart_net/parts/heads.py": "from importlib import import_module\nclass Head:\n    def f(self):\n"
        "        import_module('apart_found')\n        import_module('..above', __package__)\n"
        "        __import__('apart_old')\n",
        "apart_net/above.py": "",
        "apart_old.py": "",
        "apart_net/unused.py": "",
        "apart_late.py": "",
        "apart_found.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    importlib.invalidate_caches()  # files written within one tick of the clock leave the folder's time as it was
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("apart_")]:
        del sys.modules[name]


def test_every_file_that_is_imported_is_found(folder: Path) -> None:
    found = local_files("apart_net.net")
    assert sorted(found) == [
        "apart_found",
        "apart_late",
        "apart_net",
        "apart_net.above",
        "apart_net.blocks",
        "apart_net.net",
        "apart_net.parts",
        "apart_net.parts.heads",
        "apart_old",
    ]


@pytest.mark.parametrize(
    "helper", ["apart_net/parts/heads.py", "apart_late.py", "apart_found.py", "apart_net/__init__.py"]
)
def test_an_edited_helper_is_another_version(folder: Path, helper: str) -> None:
    before = local_sha256("apart_net.net")
    with (folder / helper).open("a") as file:
        file.write("\n# edited\n")
    assert local_sha256("apart_net.net") != before


def test_an_edited_file_that_is_not_imported_is_none(folder: Path) -> None:
    before = local_sha256("apart_net.net")
    (folder / "apart_net" / "unused.py").write_text("x = 1\n")
    assert local_sha256("apart_net.net") == before


def test_the_hash_holds_in_another_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = local_sha256("apart_net.net")
    moved = tmp_path_factory.mktemp("moved")
    for name in ("apart_net", "apart_late.py", "apart_found.py"):
        (folder / name).rename(moved / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(moved))
        importlib.invalidate_caches()
        assert local_sha256("apart_net.net") == before


def test_a_class_of_ones_own_is_versioned_by_its_files(folder: Path) -> None:
    net = resolve("apart_net.net.Net")
    assert version_of(net) == f"sha256 {local_sha256('apart_net.net')}"
    assert defaults_of(net) == {"width": 4}


def test_a_class_of_ones_own_on_one_of_ours_brings_that_version_too(folder: Path) -> None:
    (folder / "apart_efen.py").write_text("from polybench.models import EFEN\nclass Mine(EFEN):\n    pass\n")
    version = version_of(resolve("apart_efen.Mine"))
    assert version is not None
    assert version.endswith(", polybench 1")


@pytest.mark.parametrize(
    ("class_path", "shortest", "version"),
    [
        ("polybench.models.efen.EFEN", "polybench.models.EFEN", "1"),
        ("torch.optim.adam.Adam", "torch.optim.Adam", None),
        ("lightning.pytorch.callbacks.EarlyStopping", "lightning.pytorch.callbacks.EarlyStopping", None),
        ("collections.OrderedDict", "collections.OrderedDict", None),
    ],
)
def test_versions_by_where_a_class_comes_from(class_path: str, shortest: str, version: str | None) -> None:
    found = resolve(class_path)
    assert (public_path(found), version_of(found)) == (shortest, version)


def test_a_library_is_versioned_by_its_distribution() -> None:
    from importlib.metadata import version

    major, minor = version("segmentation-models-pytorch").split(".")[:2]
    found = version_of(resolve("segmentation_models_pytorch.Unet"))
    assert found == f"segmentation-models-pytorch {major}.{minor}"


def test_a_class_without_file_is_refused() -> None:
    made = type("Made", (), {"__module__": "notebook_cell"})
    with pytest.raises(ConfigError, match="module of its own"):
        version_of(made)
