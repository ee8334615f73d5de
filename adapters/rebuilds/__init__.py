"""Views computed again from the logs, beside the live ones; `adapters/rebuild.py` asks.

copy.py       a view's copy, and how it takes the view's place
together.py   several views in this process, reading each page once
shares.py     which views go together where there are several processes
processes.py  a process for each share, all of them started, heard and ended here
worker.py     what such a process does
"""
