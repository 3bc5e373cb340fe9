import pytest

from study.datasets.custom.naming import in_order, negative_first


def test_numbers_in_names_are_ordered_as_numbers() -> None:
    assert in_order(["grade 10", "grade 2", "Grade 1", "benign"]) == ["benign", "Grade 1", "grade 2", "grade 10"]
    assert in_order(["10", "9", "0"]) == ["0", "9", "10"]


@pytest.mark.parametrize(
    "names",
    [
        ("normal", "tumor"),
        ("no_tumor", "adenoma"),
        ("notumor", "glioma"),
        ("Healthy", "COVID"),
        ("0", "1"),
        ("-1", "1"),
        ("-1", "+1"),
        ("-1.0", "1.0"),
        ("non-melanoma", "melanoma"),
        ("benign", "malignant"),
        ("No finding", "Effusion"),
        ("false", "true"),
    ],
)
def test_of_two_classes_the_one_that_says_no_is_the_negative_one(names: tuple[str, str]) -> None:
    assert negative_first(names) == (names, True)
    assert negative_first(names[::-1]) == (names, True)


@pytest.mark.parametrize(
    "names", [("cat", "dog"), ("nodular", "superficial"), ("normal", "healthy"), ("north", "south")]
)
def test_where_names_dont_tell_the_order_stays_and_is_called_a_guess(names: tuple[str, str]) -> None:
    assert negative_first(names) == (names, False)


def test_more_than_two_classes_have_no_positive_one() -> None:
    assert negative_first(("no", "a", "b")) == (("no", "a", "b"), True)
