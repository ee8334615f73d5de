"""LiteLLM's proxy: its master key is asked for, usage is counted in memory.

It ships with a database as an option and is measured without one: with one it would do
more. `litellm.lock` is made with

    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \\
        --no-annotate --only-binary :all: -o adapters/bench/peers/litellm.lock -

from the one line `litellm[proxy]==1.80.15`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from adapters.bench.asking import PLAIN_MODEL, STREAM_MODEL
from adapters.bench.running import free_port, running

# No look-ups elsewhere, and none of its log lines but errors, as its makers advise.
ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
}


@contextmanager
def started(
    program: Path, folder: Path, *, upstream: int
) -> Iterator[tuple[int, int, str]]:
    """Its pid, its port and its master key; it calls this port of 127.0.0.1."""
    port, key = free_port(), f"sk-{secrets.token_hex(16)}"
    folder.mkdir()
    settings = folder / "config.yaml"
    settings.write_bytes(orjson.dumps(_settings(key, upstream)))  # JSON is YAML
    command = [str(program), "--config", str(settings), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--num_workers", "1", "--telemetry", "False"]
    with running(command, port, folder, {**ENVIRONMENT, "HOME": str(folder)}) as pid:
        yield pid, port, key


def _settings(key: str, upstream: int) -> dict[str, object]:
    models = [
        {
            "model_name": model,
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": f"http://127.0.0.1:{upstream}/v1",
                "api_key": "sk-upstream",
            },
        }
        for model in (PLAIN_MODEL, STREAM_MODEL)
    ]
    return {
        "model_list": models,
        "litellm_settings": {"telemetry": False},
        "general_settings": {"master_key": key},
    }
