"""Matrices as YAML files: methods x datasets x seeds, each cell an ordinary run of its own.

.. code-block:: yaml

    name: board
    seeds: [0]
    configs: [../blocks/equal_budget.yaml]    # files that change every cell, after its method and its dataset
    options: {budget: reduced}                # of every cell, as on the command line of fit
    datasets:
      kvasir_seg: {config: ../data/kvasir_seg.yaml, options: {images: 12000, data.size: [128, 128]}}
      drive: {config: ../data/drive_crops.yaml, options: {images: 4000}}
      folds: {config: ../data/clinicdb.yaml, splits: [fold_1_of_5, fold_2_of_5]}    # a cell for each list
    methods:
      fpn_lite0: ../methods/fpn_lite0.yaml
      unet_lite0: {config: ../methods/unet_lite0.yaml, seeds: [0, 1, 2]}
      unet_lite0_random: {config: ../methods/unet_lite0.yaml, name: unet_lite0, variant: random,
        options: {model.net.encoder_weights: null}}
      bsan_small: {config: ../methods/bsan_small.yaml, datasets: [kvasir_seg]}
    include:                                  # cells beside the product, or changes of some of its cells
      - {method: fpn_lite0, dataset: drive, options: {data.batch_size: 4}}
    exclude:
      - {method: unet_lite0_random, dataset: drive}

A cell is named `<method>_<dataset>`, and is the recipe `<name of the method>_<dataset>` in its record; where a dataset
has `splits`, `<method>_<dataset>_<split>`. Options of the
method win over those of the dataset, these over those of all cells, and those of an inclusion over all. `datasets` of a
method are those that it is run with. Seeds of a method, or of an inclusion, replace those of the matrix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError, did_you_mean
from polybench.experiments.yaml_text import load, read_text
from polybench.runs.plan import Plan, Stage
from polybench.runs.plan_values import NAME, config_files, mapping, merged, option_mapping, plan_name, seed_list

_KEYS = {"name", "seeds", "configs", "options", "datasets", "methods", "include", "exclude"}
_OF_A_PART = {"config", "options"}
_OF_A_DATASET = {*_OF_A_PART, "splits"}
_OF_A_METHOD = {*_OF_A_PART, "seeds", "name", "variant", "datasets"}
_OF_AN_EXCLUSION = {"method", "dataset"}
_OF_AN_INCLUSION = {*_OF_AN_EXCLUSION, "options", "seeds", "variant"}

SPLIT = "data.split"

_Pair = tuple[str | None, str | None]
"""Names of a method and a dataset; None for all."""


@dataclass(frozen=True)
class _Part:
    """A method of a matrix, or a dataset with one of its splits; `name` is its part of the recipe's name."""

    configs: tuple[Path, ...]
    options: Mapping[str, Any]
    name: str
    seeds: tuple[int, ...] | None = None
    variant: str | None = None
    datasets: tuple[str, ...] | None = None


@dataclass
class _Matrix:
    """The cells of a matrix as they are added."""

    path: Path
    methods: Mapping[str, _Part]
    datasets: Mapping[str, _Part]
    configs: tuple[Path, ...]
    options: Mapping[str, Any]
    cells: dict[str, Stage] = field(default_factory=dict)

    def named(self, value: Any, key: str, known: set[str]) -> _Pair:
        """Method and dataset that an inclusion or an exclusion names."""
        where = f"{key} in '{self.path}'"
        data = mapping(value, f"An item of {where}", known)
        method, dataset = data.get("method"), data.get("dataset")
        if method is None and dataset is None:
            raise ConfigError(f"An item of {where} names neither a method nor a dataset: name one, or both.")
        if method is not None:
            _refuse_unknown(method, self.methods, where, "method")
        if dataset is not None:
            _refuse_unknown(dataset, _names(self.datasets), where, "dataset")
        return method, dataset

    def add_product(self, excluded: Sequence[_Pair]) -> None:
        """Add every pair that isn't excluded, the methods of a dataset together."""
        for dataset in self.datasets:
            for name, method in self.methods.items():
                names = {dataset, self.datasets[dataset].name}
                left_out = any(one in (None, name) and other in {None, *names} for one, other in excluded)
                if not left_out and (method.datasets is None or names & set(method.datasets)):
                    self._add(self._cell(name, dataset))

    def include(self, value: Any) -> None:
        """Change the cells that an inclusion names; one with a variant, or of a pair that isn't there, is new."""
        method, dataset = self.named(value, "include", _OF_AN_INCLUSION)
        where = f"include in '{self.path}'"
        options = option_mapping(value.get("options"), where)
        seeds = seed_list(value["seeds"], f"of {where}") if "seeds" in value else None
        variant = _variant(value.get("variant"), where)
        methods = self.methods if method is None else [method]
        datasets = [name for name, part in self.datasets.items() if dataset in (None, name, part.name)]
        for pair in product(methods, datasets):
            cell = self._cell(*pair)
            there = self.cells.get(cell.name)
            if there is None and None in (method, dataset):
                continue  # one of all datasets, or of all methods, is of the cells that are there
            cell = there or cell
            cell = replace(cell, options=merged(cell.options, options), seeds=seeds or cell.seeds)
            if variant is not None:
                self._add(replace(cell, name=f"{cell.name}_{variant}", variant=variant))
            else:
                self.cells[cell.name] = cell

    def _cell(self, name: str, dataset_name: str) -> Stage:
        method, dataset = self.methods[name], self.datasets[dataset_name]
        if dataset_name != dataset.name and SPLIT in method.options:
            raise ConfigError(
                f"method '{name}' in '{self.path}' has {SPLIT}, and dataset '{dataset.name}' its splits: leave one out."
            )
        named = {"name": f"{method.name}_{dataset.name}"}
        options = merged(named, self.options, dataset.options, method.options)
        files = (*method.configs, *dataset.configs, *self.configs)
        return Stage(f"{name}_{dataset_name}", "fit", files, options, {}, seeds=method.seeds, variant=method.variant)

    def _add(self, cell: Stage) -> None:
        if cell.name in self.cells:
            raise ConfigError(
                f"Two cells of '{self.path}' have the name '{cell.name}': give a method or a dataset another name, or "
                "the inclusion a variant."
            )
        self.cells[cell.name] = cell


def read_matrix(path: Path) -> Plan:
    """Read a matrix as a plan, whose stages are its cells; files are looked up beside it.

    Raises:
        ConfigError: If the file or a file that it names is missing, a key is unknown or stands twice, a value has
            another form, two cells have one name, or no cell is left.
    """
    text = read_text(path)
    found = load(text, f"'{path}'")
    if isinstance(found, Mapping) and "stages" in found:
        raise ConfigError(f"'{path}' is a plan of stages, not a matrix: run it with polybench transfer.")
    data = mapping(found, f"'{path}'", _KEYS)
    where = f"in '{path}'"
    datasets: dict[str, _Part] = {}
    for name, value in _parts(data, "datasets", path):
        for key, part in _with_splits(name, value, path).items():
            if key in datasets:
                raise ConfigError(f"Two datasets in '{path}' have the name '{key}': give one of them another name.")
            datasets[key] = part
    methods = {name: _method(name, value, datasets, path) for name, value in _parts(data, "methods", path)}
    common = config_files(data["configs"], f"configs {where}", path) if data.get("configs") else ()
    every = option_mapping(data.get("options"), f"all cells {where}")
    matrix = _Matrix(path, methods, datasets, common, every)
    matrix.add_product([matrix.named(one, "exclude", _OF_AN_EXCLUSION) for one in _list(data, "exclude", path)])
    for one in _list(data, "include", path):
        matrix.include(one)
    if not matrix.cells:
        raise ConfigError(f"The matrix '{path}' has no cells: exclude fewer of them.")
    seeds = seed_list(data.get("seeds", [0]), where)
    return Plan(plan_name(data.get("name", path.stem), path), matrix.cells, seeds, text)


def _parts(data: Mapping[str, Any], key: str, path: Path) -> list[tuple[str, Any]]:
    """The methods or the datasets, each with what the file says of it."""
    found = mapping(data.get(key) or {}, f"{key} in '{path}'")
    if not found:
        raise ConfigError(f"The matrix '{path}' has no {key}: name at least one.")
    for name in found:
        if not NAME.fullmatch(name):
            raise ConfigError(f"The name '{name}' under {key} in '{path}' must be a word of letters, digits, _ and +.")
    return list(found.items())


def _part(name: str, value: Any, where: str, path: Path, known: set[str] = _OF_A_PART) -> _Part:
    """A dataset, or what a method shares with one: a file, or a mapping with its file, or files, and its options."""
    data = {"config": value} if isinstance(value, str | list) else mapping(value, where, known)
    if data.get("config") is None:
        raise ConfigError(f"{where} needs its file, such as {{config: ../data/kvasir_seg.yaml}}.")
    files = config_files(data["config"], where, path)
    return _Part(files, option_mapping(data.get("options"), where), name)


def _with_splits(name: str, value: Any, path: Path) -> dict[str, _Part]:
    """A dataset, or, where it names splits, the dataset with each of them."""
    where = f"dataset '{name}' in '{path}'"
    part = _part(name, value, where, path, _OF_A_DATASET)
    splits = value.get("splits") if isinstance(value, Mapping) else None
    if splits is None:
        return {name: part}
    if not isinstance(splits, list) or not splits:
        raise ConfigError(f"splits of {where} must be a list of names of lists, such as [fold_1_of_5, fold_2_of_5].")
    words = [_word(split, f"split of {where}") for split in splits]
    if twice := [word for word in words if words.count(word) > 1]:
        raise ConfigError(f"splits of {where} has {twice[0]} more than once.")
    return {f"{name}_{word}": replace(part, options=merged(part.options, {SPLIT: word})) for word in words}


def _names(datasets: Mapping[str, _Part]) -> dict[str, None]:
    """The names by which datasets can be chosen: with their split, or without it for all."""
    return dict.fromkeys([*(part.name for part in datasets.values()), *datasets])


def _method(name: str, value: Any, datasets: Mapping[str, _Part], path: Path) -> _Part:
    where = f"method '{name}' in '{path}'"
    part = _part(name, value, where, path, _OF_A_METHOD)
    data = value if isinstance(value, Mapping) else {}
    own = data.get("datasets")
    if own is not None:
        if not isinstance(own, list) or not own:
            raise ConfigError(f"datasets of {where} must be a list of names of datasets of the matrix.")
        for dataset in own:
            _refuse_unknown(dataset, _names(datasets), f"datasets of {where}", "dataset")
    return replace(
        part,
        name=_word(data.get("name", name), f"name of {where}"),
        variant=_variant(data.get("variant"), where),
        seeds=seed_list(data["seeds"], f"of {where}") if "seeds" in data else None,
        datasets=None if own is None else tuple(own),
    )


def _list(data: Mapping[str, Any], key: str, path: Path) -> Sequence[Any]:
    found = data.get(key) or []
    if not isinstance(found, list):
        raise ConfigError(f"{key} in '{path}' must be a list, such as [{{method: a, dataset: b}}].")
    return found


def _refuse_unknown(name: Any, known: Mapping[str, Any], where: str, kind: str) -> None:
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(str(name), known) or f" There are {', '.join(known)}."
        raise ConfigError(f"{where} names the unknown {kind} '{name}'.{hint}")


def _variant(value: Any, where: str) -> str | None:
    return None if value is None else _word(value, f"variant of {where}")


def _word(value: Any, what: str) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ConfigError(f"The {what} must be a word of letters, digits, _ and +, not {value!r}.")
    return value
