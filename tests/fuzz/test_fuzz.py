"""Every reader of strangers' bytes, driven by what its own branches say (atheris).

Five seconds each; `make soak`: ten minutes, or CLAWBOT_FUZZ_SECONDS. What was found goes
into `seeds/`, where every later run begins; the failure says where it lies.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent
# The short form makes the same runs every time; finding new things is for the long one.
QUICK = ("-runs=2000", "-seed=20261122")
FULL_SECONDS = int(os.environ.get("CLAWBOT_FUZZ_SECONDS", "600"))
SECONDS_BESIDES = 60  # to start, to read the seeds, to end
LIBFUZZER = ("-rss_limit_mb=2048", "-timeout=10", "-max_len=4096", "-print_final_stats=1")


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(QUICK, id="quick"),
        pytest.param(
            (f"-max_total_time={FULL_SECONDS}",),
            marks=[
                pytest.mark.soak,
                pytest.mark.timeout(FULL_SECONDS + 2 * SECONDS_BESIDES),
            ],
            id="full",
        ),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_are_found_that_break_what_must_hold(
    target: str, bounds: tuple[str, ...], tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.run", target),
            *(*LIBFUZZER, *bounds, f"-artifact_prefix={tmp_path}/"),
            *(str(corpus), str(HERE / "seeds" / target)),
        ],
        cwd=HERE.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=FULL_SECONDS + SECONDS_BESIDES,
        check=False,
    )
    said = done.stdout.decode("utf-8", "backslashreplace")
    assert done.returncode == 0, said[-4000:]
    runs = re.search(r"number_of_executed_units: (\d+)", said)
    assert runs is not None, said[-4000:]
    assert int(runs[1]) > len(list((HERE / "seeds" / target).iterdir()))
