"""The servers that tests stand on answer; where they are required, a skip is an error."""

from __future__ import annotations

import psycopg
import pytest
from pika import BlockingConnection, URLParameters
from psycopg import sql
from redis import Redis

from adapters.postgres.migrator import pending


def test_rabbitmq_takes_a_message_and_gives_it_back(rabbitmq_url: str) -> None:
    connection = BlockingConnection(URLParameters(rabbitmq_url))
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"a doorbell")
    _, _, body = channel.basic_get(queue, auto_ack=True)
    connection.close()
    assert body == b"a doorbell"


def test_redis_counts(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        key = "test_servers:count"
        client.delete(key)
        assert [client.incr(key), client.incr(key)] == [1, 2]
        client.delete(key)


def test_every_test_gets_a_fresh_migrated_database(database_url: str) -> None:
    assert pending(database_url) == []


@pytest.mark.parametrize("time", ["first", "second"])
def test_what_one_test_leaves_no_other_finds(database_url: str, time: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(sql.SQL("CREATE TABLE left_behind AS SELECT {}").format(time))


SKIPPED_TEST = """
    import pytest

    @pytest.mark.skip(reason="no engine")
    def test_of_an_engine():
        pass
"""
SKIPPED_FILE = "import pytest; pytest.skip('no engine', allow_module_level=True)"


@pytest.mark.parametrize("skipped", [SKIPPED_TEST, SKIPPED_FILE])
@pytest.mark.parametrize(("required", "word"), [("1", "errors"), ("0", "skipped")])
def test_a_skip_is_an_error_where_services_are_required(
    pytester: pytest.Pytester,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    skipped: str,
    required: str,
    word: str,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    monkeypatch.setenv("CLAWBOT_REQUIRE_SERVICES", required)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they cost seconds each
    pytester.makepyfile(skipped)
    result = pytester.runpytest_subprocess("-p", "tests.no_skips")
    assert result.parseoutcomes() == {word: 1}
