"""Ends well if the bot in this container answers."""

import socket

# Not urllib: asked every second, it should cost the machine little.
with socket.create_connection(("127.0.0.1", 8080), timeout=2) as connection:
    connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
    answer = connection.makefile("rb").read()
    assert answer[9:12] == b"200", answer
