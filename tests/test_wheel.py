"""The wheel holds every recipe, split list and template of the repository."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.conftest import REPOSITORY

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def test_wheel_holds_the_recipes_and_the_other_files_of_the_package(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("polybench", "conf"):
        shutil.copytree(REPOSITORY / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, tree / name)
    subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], cwd=tree, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    recipes = {f"polybench/{path.relative_to(tree).as_posix()}" for path in (tree / "conf").rglob("*.yaml")}
    files = {path.relative_to(tree).as_posix() for path in (tree / "polybench").rglob("*") if path.is_file()}
    assert len(recipes) > 100
    assert recipes | files <= held
    assert not {name for name in held if not name.startswith(("polybench/", "polybench-"))}
