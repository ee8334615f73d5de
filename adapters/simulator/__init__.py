"""A local AI vendor: for trying things out, for tests, and as the upstream of benchmarks.

It speaks OpenAI (and Azure; realtime sessions too), Anthropic, Gemini, Cohere and Ollama,
as official SDKs do, counts tokens by a rule one can do in one's head (`counting.py`),
misbehaves on request (`script.py`) and keeps a ledger of every call (`ledger.py`). `run()`
serves in the foreground, `started()` runs a simulator in a process of its own for as long
as a test needs it.
"""

from adapters.simulator.server import run
from adapters.simulator.starting import Started, started

__all__ = ["Started", "run", "started"]
