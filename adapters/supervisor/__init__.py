"""Everything on one machine: what `clawbot up` does before, while and after it runs.

    groundwork.py   free ports, a data folder, a master key: or a clear refusal
    programs.py     which commands run, what each is told, how it is asked if it is ready
    child.py        one of them: started, watched, started again, stopped
    log_files.py    what the children write, in files that stay small
    keeping.py      all of them and the database, until we are told to stop
    proxies.py      several proxies on one port, by themselves
    up.py           the whole of it in order

Everything happens on one event loop in the main thread. That is not taste: the kernel ends
a child when the *thread* that started it ends.
"""
