"""Connections to a server whose machine is gone without a word."""

from __future__ import annotations

import os
import socket

import psycopg

from adapters.postgres.database import connection_info

MOST_SECONDS = 10  # of a wait for an answer that nobody will send


def test_who_waits_for_an_answer_asks_now_and_then_if_the_machine_is_there(
    database_url: str,
) -> None:
    info = connection_info(database_url, role="clawbot_proxy")
    with (
        psycopg.connect(info) as connection,
        socket.socket(fileno=os.dup(connection.fileno())) as wire,
    ):
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        first, next_one, tries = (
            wire.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert first + next_one * tries <= MOST_SECONDS
