"""Which studies `python -m study.run` is asked for: by name, by file, or those of one's own images."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from study import datasets, records, registry
from study.cli.console import as_given, say
from study.errors import DataError, StudyError
from study.planning.options import Options
from study.spec import Study

if TYPE_CHECKING:
    from study.planning.custom_study import Derived


def studies_of(options: Options) -> dict[str, Study]:
    """Name -> what is to be run: studies by name, or that of one's own images.

    Raises:
        StudyError: there is no such study, or what was given doesn't go together.
    """
    if options.images is None:
        _require_none_of_images(options)
        return {name: find_study(name) for name in _names(options.names)}
    derived = _derived(options.images, options)
    return {derived.own.name: derived.study()}


def known_studies() -> dict[str, Study]:
    """Name -> study, of all in `search_spaces`."""
    return {name: find_study(name) for name in registry.names("search_spaces")}


def find_study(name: str) -> Study:
    """The study of that name in `search_spaces`, or in the file of that path.

    Raises:
        StudyError: there is none, or its file doesn't define STUDY.
    """
    if name.endswith(".py"):
        study: Study = registry.load_file(Path(name), attribute="STUDY", kind="study")
    else:
        study = registry.find("search_spaces", name, attribute="STUDY", kind="study")
    return study


def _names(given: Sequence[str]) -> list[str]:
    """The studies that are asked for, each once; "all" stands for all of them."""
    if not given:
        raise StudyError("A study's name is needed, but none was given. --list shows all; `all` runs them all.")
    named = [registry.names("search_spaces") if name == "all" else [name] for name in given]
    names = list(dict.fromkeys(name for each in named for name in each))
    runs = [Path(name).stem for name in names]
    for run in runs:
        if runs.count(run) > 1:
            raise StudyError(f"Each study needs a name of its own, but two are called {run!r}. Rename a file.")
    return names


def _require_none_of_images(options: Options) -> None:
    if options.modality:
        raise StudyError("--modality is for --images: a study file declares it. Leave it out, or give --images.")
    for each in options.of_custom_images():
        raise StudyError(f"{each.names[-1]} says something of --images, but that wasn't given. Give both.")


def _derived(images: Path, options: Options) -> "Derived":
    """The study of one's own images; says what was derived."""
    from study.planning.custom_images import derive_study

    if options.names:
        raise StudyError(
            f"--images is a study of its own, but {options.names[0]!r} is to be run too. Leave the name out, or give "
            "--data for the images of a known study."
        )
    if options.data:
        raise StudyError("--images says where the images are, and so does --data. Leave --data out.")
    say(f"Looking at {images} ...")
    derived, lines = derive_study(images, options)
    if derived.own.name in registry.names("search_spaces"):
        raise StudyError(
            f"A study needs a name of its own, but there is one called {derived.own.name!r}. Give --name, or run that "
            f"one on these images: python -m study.run {derived.own.name} --data {shlex.quote(str(images))}"
        )
    say("\n".join([*lines, *_known_as(images)]))
    return derived


def _known_as(images: Path) -> Iterator[str]:
    """Says where a folder is a published dataset, for which there is a study with a document to compare with."""
    for name in datasets.names():
        try:
            datasets.find(name).scan(images)
        except DataError:
            continue
        for study in registry.names("search_spaces"):
            if find_study(study).dataset == name:
                command = shlex.join(["python", "-m", "study.run", study, "--data", str(images)])
                yield f"  known      {datasets.find(name).title}; compared with its document by: {as_given()}{command}"


def save(file: Path, images: Path, options: Options) -> None:
    """Writes what was derived of one's own images as a study file, and says so.

    Raises:
        StudyError: nothing can be derived, or the file is there already.
    """
    from study.planning.custom_study import source

    if file.suffix != ".py":
        raise StudyError(f"--save needs the name of a Python file, but {file} doesn't end in .py.")
    if file.exists():
        raise StudyError(f"--save must not overwrite anything, but there is a {file}. Give another name.")
    records.write_atomically(file, source(_derived(images, options)))
    say(f"Wrote {file}. Edit it, then: {as_given()}{options.of_study_file(file).command}")
