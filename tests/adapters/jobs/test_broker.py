"""Where messages wait: what they hold, who may touch them, and what a bad URL says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pika
import psycopg
import pytest
from dramatiq import Worker, actor
from dramatiq_postgres.schema import generate_init_sql

from adapters.jobs.broker import QUEUE, broker_of
from adapters.jobs.queue import DramatiqJobQueue
from domain.errors import BadSetup, Unavailable
from tests.adapters.jobs.given import settings_of

COLUMNS = """
SELECT table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
       udt_name, is_identity
FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 3
"""
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY 1, 2"
LABELS = """
SELECT enumlabel FROM pg_enum WHERE enumtypid = %s::regtype ORDER BY enumsortorder
"""


@contextmanager
def queue_on(
    url: str, folder: Path, *, rabbitmq: str | None = None
) -> Iterator[DramatiqJobQueue]:
    over = threading.Event()
    settings = settings_of(url, folder, rabbitmq_url=rabbitmq)
    with broker_of(settings, url, role="clawbot_projector", over=over) as broker:
        yield DramatiqJobQueue(broker)
        over.set()


def test_the_queues_tables_are_those_that_the_library_would_make(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(generate_init_sql(schema="made").encode())
        for look in (COLUMNS, INDEXES):
            ours = connection.execute(look, ("dramatiq",)).fetchall()
            theirs = connection.execute(look, ("made",)).fetchall()
            assert str(ours) == str(theirs).replace("made.", "dramatiq.")
        ours = connection.execute(LABELS, ("dramatiq.state",)).fetchall()
        assert ours == connection.execute(LABELS, ("made.state",)).fetchall()


def test_ringing_ten_times_leaves_one_message_with_an_id_and_no_more(
    database_url: str, tmp_path: Path
) -> None:
    with queue_on(database_url, tmp_path) as jobs:
        for _ in range(10):
            jobs.enqueue("check_provider_key", key_id="one")
        jobs.enqueue("check_provider_key", key_id="other")
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT message FROM dramatiq.queue").fetchall()
    assert sorted(message["kwargs"]["key_id"] for (message,) in rows) == ["one", "other"]
    for (message,) in rows:
        assert (message["args"], message["options"]) == ([], {})


def test_rabbitmq_holds_the_same_message_for_good(
    rabbitmq_url: str, database_url: str, tmp_path: Path
) -> None:
    with queue_on(database_url, tmp_path, rabbitmq=rabbitmq_url) as jobs:
        jobs.enqueue("check_provider_key", key_id="one")
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    _, properties, body = channel.basic_get(QUEUE, auto_ack=True)
    channel.queue_delete(QUEUE)
    connection.close()
    message = json.loads(body)
    assert properties.delivery_mode == 2
    assert (message["kwargs"], message["options"]) == ({"key_id": "one"}, {})


def test_a_job_that_is_tried_again_carries_no_traceback(
    database_url: str, tmp_path: Path
) -> None:
    over, tried = threading.Event(), threading.Event()
    settings = settings_of(database_url, tmp_path)
    with broker_of(settings, database_url, role="clawbot_worker", over=over) as broker:

        @actor(broker=broker, queue_name=QUEUE, min_backoff=60_000)
        def fails(key_id: str) -> None:
            tried.set()
            raise ValueError(key_id)

        DramatiqJobQueue(broker).enqueue("fails", key_id="one")
        worker = Worker(broker, worker_threads=1)
        worker.start()
        assert tried.wait(20)
        with psycopg.connect(database_url, autocommit=True) as connection:
            options: dict[str, object] = {}
            while "retries" not in options:
                time.sleep(0.1)
                row = connection.execute(
                    "SELECT message -> 'options' FROM dramatiq.queue"
                ).fetchone()
                options = row[0] if row else {}
        over.set()
        worker.stop()
    assert options.keys() == {"retries", "eta", "requeue_timestamp"}


def test_a_queue_that_is_away_says_so(
    database_url: str, tmp_path: Path, free_port: int
) -> None:
    nowhere = f"amqp://127.0.0.1:{free_port}"
    with (
        queue_on(database_url, tmp_path, rabbitmq=nowhere) as jobs,
        pytest.raises(Unavailable),
    ):
        jobs.enqueue("check_provider_key", key_id="one")


def test_a_database_that_is_away_is_looked_for_until_we_stop(
    tmp_path: Path, free_port: int
) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port}/none"
    over = threading.Event()
    with broker_of(settings_of(url, tmp_path), url, role="none", over=over) as broker:
        threading.Timer(4.0, over.set).start()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            DramatiqJobQueue(broker).enqueue("check_provider_key", key_id="one")
        assert 4.0 < time.monotonic() - began < 10


@pytest.mark.parametrize("url", ["redis://somewhere", "amqp://u:secret@host:port/", "x"])
def test_an_unreadable_rabbitmq_url_is_refused_and_not_shown(
    url: str, database_url: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(BadSetup, match="RABBITMQ_URL") as refused,
        queue_on(database_url, tmp_path, rabbitmq=url),
    ):
        pass
    assert "secret" not in str(refused.value)
