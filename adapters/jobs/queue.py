"""The job queue on Dramatiq: how work is asked for."""

from __future__ import annotations

from uuid import UUID, uuid5

import psycopg
from dramatiq import Broker, Message
from dramatiq.errors import BrokerConnectionError

from adapters.jobs.broker import QUEUE
from domain.errors import Unavailable

NAMESPACE = UUID("5b9d3b0e-8f0f-5d5c-9a5e-0c1a7b07c1a7")


class DramatiqJobQueue:
    """Plays `JobQueue`.

    The same job with the same arguments is the same message, so that in the database who
    rings ten times leaves one message behind, not ten.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def enqueue(self, job: str, **arguments: str) -> None:
        """The broker has it in writing; `Unavailable` if it does not take it."""
        named = [f"{name}={arguments[name]}" for name in sorted(arguments)]
        message = Message[None](
            queue_name=QUEUE,
            actor_name=job,
            args=(),
            kwargs=dict(arguments),
            options={},
            message_id=str(uuid5(NAMESPACE, "&".join([job, *named]))),
        )
        try:
            self._broker.enqueue(message)
        except (BrokerConnectionError, psycopg.OperationalError) as error:
            msg = "the job queue does not answer"
            raise Unavailable(msg) from error
