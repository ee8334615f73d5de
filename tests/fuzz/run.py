"""One fuzz target under atheris: `python -m tests.fuzz.run path -max_total_time=60 corpus`.

What follows the target's name is libFuzzer's. Ends with 0 if all held.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["adapters.http", "domain", "proxy"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
