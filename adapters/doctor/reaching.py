"""Queue, Redis and our own processes: whether they answer where the settings say."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
import pika
import redis
from pika.exceptions import AMQPError

from adapters.doctor.findings import Finding, Findings, failed, fine, skipped, warned
from adapters.settings import Settings

TIMEOUT_SECONDS = 3.0


def look_at_reach(settings: Settings) -> Findings:
    """What is configured answers; what runs is reachable."""
    yield _rabbitmq(settings.rabbitmq_url)
    yield _redis(settings.redis_url)
    yield _process("proxy", settings.bots_proxy_url, "`clawbot proxy`", "PROXY_BASE_URL")
    control = f"http://{settings.clawbot_host}:{settings.clawbot_port}"
    yield _process("control-plane", control, "`clawbot api`", "CLAWBOT_PORT")
    yield _worker(settings.worker_url)


def _rabbitmq(url: str | None) -> Finding:
    name = "queue"
    if not url:
        return fine(name, "Jobs wait in PostgreSQL.")
    try:
        mark = "&" if "?" in url else "?"
        limits = f"socket_timeout={TIMEOUT_SECONDS}&stack_timeout={TIMEOUT_SECONDS}"
        pika.BlockingConnection(pika.URLParameters(f"{url}{mark}{limits}")).close()
    except (AMQPError, OSError, ValueError, TypeError):
        advice = "Start it, and check RABBITMQ_URL. Nothing is lost meanwhile."
        return failed(name, "RabbitMQ does not let us in.", advice)
    return fine(name, "RabbitMQ answers.")


def _redis(url: str | None) -> Finding:
    name = "redis"
    if not url:
        return skipped(name, "Not used: PostgreSQL counts requests.")
    try:
        with redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS) as client:
            client.ping()
    except (redis.RedisError, ValueError):
        advice = "Start it, and check REDIS_URL. PostgreSQL counts meanwhile."
        return warned(name, "Redis does not let us in.", advice)
    return fine(name, "Redis answers.")


def _process(name: str, url: str, command: str, setting: str) -> Finding:
    try:
        with httpx2.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = client.get(f"{url}/health")
    except httpx2.HTTPError:
        said = f"Nobody answers at {url}."
        return warned(name, said, f"Start `clawbot up` or {command}; check {setting}.")
    if answer.status_code != httpx2.codes.OK:
        said = f"{url}/health answers {answer.status_code}."
        return failed(name, said, f"Something else may listen there: check {setting}.")
    return fine(name, f"It answers at {url}.")


def _worker(url: str) -> Finding:
    """Its door answers 401 to whoever has no pass: that is enough to know."""
    name, place = "worker", urlsplit(url)
    try:
        with httpx2.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = client.get(f"{url}/engine")
    except httpx2.HTTPError:
        said = f"Nobody answers at {place.netloc}."
        advice = "Start `clawbot up` or `clawbot worker`; check CLAWBOT_WORKER_URL."
        return warned(name, said, advice)
    if answer.status_code != httpx2.codes.UNAUTHORIZED:
        said = f"{place.netloc} is not a worker of ours."
        return failed(name, said, "Check CLAWBOT_WORKER_URL.")
    return fine(name, f"Its door is at {place.netloc}.")
