"""Every error of the usage samples says about the key what the samples expect of it.

`error_samples.csv` has one line per sample of all formats: what the answer said, and the
verdict. The vendor `custom` stands for shapes that any vendor may send.
"""

import csv
from pathlib import Path

import pytest

from domain.verdicts import Verdict, judge
from tests.domain.going import CATALOG

with (Path(__file__).parent / "error_samples.csv").open(newline="") as table:
    SAMPLES = list(csv.DictReader(table))


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["sample"] for sample in SAMPLES])
def test_an_error_sample_gives_its_verdict(sample: dict[str, str]) -> None:
    verdict = judge(
        CATALOG.get(sample["vendor"]).verdicts,
        int(sample["status"]),
        sample["type"] or None,
        sample["code"] or None,
        sample["message"] or None,
        retry_after=bool(sample["retry_after"]),
    )
    assert verdict is Verdict(sample["verdict"])


def test_all_43_samples_are_here_once() -> None:
    assert len({sample["sample"] for sample in SAMPLES}) == len(SAMPLES) == 43
