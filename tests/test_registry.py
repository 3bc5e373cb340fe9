"""Members are found by their file's name: there is no list to extend."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from study import registry
from study.errors import DeclarationError, UnknownNameError

PACKAGE = "registry_test_members"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with one member, importable under `PACKAGE`."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").touch()
    add(folder, "first.py", "THING = 1")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [n for n in sys.modules if n.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def add(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    importlib.invalidate_caches()
    return path


def find(name: str) -> object:
    return registry.find(PACKAGE, name, attribute="THING", kind="toy")


def test_a_new_file_is_a_new_member(package: Path) -> None:
    assert registry.names(PACKAGE) == ["first"]
    add(package, "another.py", "THING = 'found'")
    assert registry.names(PACKAGE) == ["another", "first"]
    assert find("another") == "found"


def test_files_with_an_underscore_packages_and_other_files_are_no_members(package: Path) -> None:
    add(package, "_helper.py", "THING = 2")
    add(package, "notes.txt", "THING = 3")
    (package / "inner").mkdir()
    add(package / "inner", "__init__.py", "THING = 4")
    assert registry.names(PACKAGE) == ["first"]
    for name in ("_helper", "notes", "inner"):
        with pytest.raises(UnknownNameError):
            find(name)


def test_an_unknown_name_is_refused_with_the_nearest_and_all_known(package: Path) -> None:
    add(package, "second.py", "THING = 2")
    with pytest.raises(UnknownNameError, match=r"no toy 'frist'. Did you mean 'first'.*Known: first, second"):
        find("frist")
    with pytest.raises(UnknownNameError, match=r"no toy 'zzz'. Known"):
        find("zzz")


def test_a_member_without_its_object_is_refused_by_file(package: Path) -> None:
    path = add(package, "hollow.py", "OTHER = 1")
    with pytest.raises(DeclarationError, match=f"must define THING, but .*{path.name} does not"):
        find("hollow")


def test_a_file_anywhere_can_be_loaded(tmp_path: Path) -> None:
    path = add(tmp_path, "mine.py", "THING = [1, 2]")
    assert registry.load_file(path, attribute="THING", kind="toy") == [1, 2]


@pytest.mark.parametrize("name", ["absent.py", "notes.txt", "hollow.py"])
def test_a_file_that_declares_nothing_is_refused_by_name(tmp_path: Path, name: str) -> None:
    if name != "absent.py":
        add(tmp_path, name, "OTHER = 1")
    with pytest.raises(DeclarationError, match=name):
        registry.load_file(tmp_path / name, attribute="THING", kind="toy")


def toys() -> registry.Kind:
    return registry.Kind(name="toy", package=PACKAGE, attribute="THING")


def test_a_part_of_ones_own_is_found_beside_those_that_are_shipped(package: Path) -> None:
    kind = toys()
    kind.give("mine", "THING = 'mine'", "mine.py")
    assert kind.names() == ["first", "mine"]
    assert (kind.find("first"), kind.find("mine")) == (1, "mine")
    # It belongs to this kind only.
    with pytest.raises(UnknownNameError):
        toys().find("mine")


def test_a_part_that_another_package_offers_is_found(package: Path, tmp_path: Path) -> None:
    add(tmp_path, "elsewhere.py", "THING = 'offered'")
    info = tmp_path / "elsewhere-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{PACKAGE}]\noffered = elsewhere:THING\nbroken = elsewhere:OTHER\n")
    kind = toys()
    assert kind.names() == ["broken", "first", "offered"]
    assert kind.find("offered") == "offered"
    with pytest.raises(DeclarationError, match="toy broken raises AttributeError"):
        kind.find("broken")


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("first", "THING = 2", "there is a shipped toy called 'first'. Rename"),
        ("hollow", "OTHER = 2", "must define THING"),
        ("broken", "THING = 1 / 0", r"raises ZeroDivisionError.*line 1"),
        ("torn", "THING = (", "raises SyntaxError"),
    ],
)
def test_a_part_that_cant_be_used_is_refused_in_words(package: Path, name: str, source: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        toys().give(name, source, f"{name}.py")


@pytest.mark.parametrize("package", ["study.architectures", "study.datasets", "search_spaces"])
def test_every_member_of_the_product_is_found_by_its_name(package: str) -> None:
    attribute = {"study.architectures": "ARCHITECTURE", "study.datasets": "DATASET", "search_spaces": "STUDY"}[package]
    assert registry.names(package)
    for name in registry.names(package):
        assert registry.find(package, name, attribute=attribute, kind="member").title
