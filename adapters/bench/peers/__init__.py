"""Those we are measured beside, each in its own program, started as its makers say.

nginx.py     a bare `proxy_pass`: no tokens, no metering; the floor of what a hop costs
litellm.py   LiteLLM's proxy from PyPI, with a master key and without a database
portkey.py   Portkey's gateway from npm, which checks no token of its own
installing.py  puts the last two under `.cache`, by locks with hashes
"""
