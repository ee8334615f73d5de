"""`python -m adapters.simulator --port N [--host H] [--key K] [--fast]`."""

from __future__ import annotations

import argparse
import sys

from adapters.simulator.server import run
from domain.errors import BadSetup


def main() -> int:
    """Serve until told to stop; 2 if that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m adapters.simulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--key", help="the only credential that is accepted")
    parser.add_argument("--fast", action="store_true", help="render an answer only once")
    asked = parser.parse_args()
    try:
        run(host=asked.host, port=asked.port, key=asked.key, fast=asked.fast)
    except BadSetup as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
