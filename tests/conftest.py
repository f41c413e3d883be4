"""Fixtures that many tests share."""

import gzip

import pytest

from molgen.resources import data_folder


@pytest.fixture(scope="session")
def drug_like() -> list[str]:
    """Six thousand molecules of MOSES (5,000 of its training set, then 1,000 of its test set)."""
    with gzip.open(data_folder() / "test" / "moses_subset.csv.gz", "rt") as file:
        return [line.split(",")[0].strip() for line in file][1:]
