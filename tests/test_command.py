"""What all commands share."""

import argparse

import pytest

from study.command import positive, whole_number, without_secrets


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://anna:s3cret@mlflow.clinic.example/x", "https://***@mlflow.clinic.example/x"),
        (
            "--storage=s3://b/f?access_key=AKIA&secret_key=s3cret&region=eu",
            "--storage=s3://b/f?access_key=***&secret_key=***&region=eu",
        ),
        ("s3://bucket/folder", "s3://bucket/folder"),
        ("someone@example.org", "someone@example.org"),
    ],
)
def test_no_password_or_key_gets_into_records(given: str, kept: str) -> None:
    assert without_secrets(given) == kept


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "0", "-1", ""])
def test_what_is_no_positive_number_is_refused_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a number above 0, but is"):
        positive(text)


@pytest.mark.parametrize("text", ["many", "1.5", "-1", str(2**32), ""])
def test_what_is_no_seed_is_refused_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number from 0 to 4294967295, but is"):
        whole_number(0, 2**32 - 1)(text)
