"""Realtime sessions: a WebSocket of a bot, passed through to its vendor's.

    protocols.py   what a browser says in Sec-WebSocket-Protocol, a token among it
    handshake.py   both openings: ours to the vendor, and our answer to the bot
    socket.py      one side of a session: whole messages in, whole messages out
    lines.py       the bytes below the two sides
    session.py     messages both ways, what is counted, and the end: settled, then said

A session is a call like any other: admitted before its key is opened and its vendor
dialled, settled before the bot sees its end. Frames are read and written by `websockets`,
without its I/O: masking is in C there, and the rules of RFC 6455 are kept by people who do
nothing else.
"""
