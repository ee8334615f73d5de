"""How often one may ask, counted for all processes together by the `limits` library.

leased.py      plays `Rates`: a little is set aside here, few requests ask others
keeper.py      one place where counts are kept: how long it is waited for
window.py      which of the library's strategies counts which rate
postgres.py    the library's storage on PostgreSQL
statements.py  its SQL
wiring.py      Redis if there is one, then PostgreSQL, then this process alone
"""
