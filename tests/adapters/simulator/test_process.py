"""The simulator as a process: how it starts, ends, and what its options do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from adapters.simulator import started
from domain.errors import BadSetup
from tests.adapters.simulator.given import FORMATS, KEY, Vendor, usage_of

COMMAND = [sys.executable, "-m", "adapters.simulator", "--port"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told_to(number: int) -> None:
    with subprocess.Popen(
        [*COMMAND, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with httpx.Client(base_url=url) as idle:
            assert idle.get("/health").status_code == 200
            process.send_signal(number)
            _, complaints = process.communicate(timeout=10)
    assert (process.returncode, complaints) == (0, "")


def test_an_answer_on_its_way_ends_first() -> None:
    with started() as simulator, httpx.Client(base_url=simulator.url) as client:
        vendor = Vendor(simulator.url, client)
        path = "/v1/chat/completions"
        message = {"role": "user", "content": "hi"}
        body = {"model": "m+pace=50+tokens=6", "messages": [message], "stream": True}
        with client.stream(
            "POST", path, json=body, headers={"authorization": KEY}
        ) as answer:
            chunks = answer.iter_text()
            next(chunks)
            os.kill(simulator.pid, signal.SIGTERM)
            assert "".join(chunks).endswith("data: [DONE]\n\n")
        with pytest.raises(httpx.TransportError):  # refused, or reset on its way
            vendor.items()


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    with started() as simulator, httpx.Client(base_url=simulator.url, timeout=10) as client:
        vendor = Vendor(simulator.url, client)
        path, body = "/v1/responses", {"model": "m+stall=1", "input": "hi", "stream": True}
        with client.stream(
            "POST", path, json=body, headers={"authorization": KEY}
        ) as answer:
            begun = time.monotonic()
            os.kill(simulator.pid, signal.SIGTERM)
            with pytest.raises(httpx.TransportError):
                answer.read()
            assert time.monotonic() - begun < 5
        assert vendor.url


def test_a_port_in_use_is_a_clear_refusal() -> None:
    with started() as simulator:
        port = simulator.url.rpartition(":")[2]
        second = subprocess.run(
            [*COMMAND, port], capture_output=True, text=True, timeout=20, check=False
        )
        assert second.returncode == 2
        assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
        assert "Traceback" not in second.stderr
        with pytest.raises(BadSetup), started(port=int(port)):
            pass


def test_with_a_key_only_that_one_is_good() -> None:
    with (
        started(key="sk-right") as simulator,
        httpx.Client(base_url=simulator.url) as client,
    ):
        vendor = Vendor(simulator.url, client)
        for form in FORMATS:
            wrong = 400 if form.startswith("gemini") else 401
            assert vendor.call(form).status_code == wrong
        gemini = vendor.call("gemini").json()["error"]
        assert gemini["details"][0]["reason"] == "API_KEY_INVALID"
        for place in [
            {"authorization": "Bearer sk-right"},
            {"authorization": "", "x-api-key": "sk-right"},
            {"authorization": "", "x-goog-api-key": "sk-right"},
        ]:
            assert vendor.call("anthropic-messages", sent=place).status_code == 200
        assert client.get("/v1beta/models?key=sk-right").status_code == 200
        assert client.get("/v1beta/models?key=sk-wrong").status_code == 400


def test_fast_answers_differ_in_their_ids_only_and_are_counted_all() -> None:
    with started(fast=True) as simulator, httpx.Client(base_url=simulator.url) as client:
        vendor = Vendor(simulator.url, client)
        for form in FORMATS:
            for stream in (False, True):
                client.delete("/ledger")
                sent = {"x-call-id": "a"}, {"x-call-id": "b"}
                answers = [
                    vendor.call(form, sent=more, stream=stream).text for more in sent
                ]
                items = vendor.items()
                assert [item["call_id"] for item in items] == ["a", "b"]
                one, two = (item.pop("id") for item in items)
                assert one != two
                assert answers[0].replace(one[-16:], two[-16:]) == answers[1]
                usage = usage_of(form, answers[1], stream=stream)
                assert usage is not None
                assert usage.items() <= items[1].items()
                same = {"seq": 0, "at": 0, "call_id": 0}
                assert items[0] | same == items[1] | same


def test_fast_does_not_repeat_what_misbehaves() -> None:
    with started(fast=True) as simulator, httpx.Client(base_url=simulator.url) as client:
        vendor = Vendor(simulator.url, client)
        for _ in range(2):
            assert vendor.call("openai-chat", "m+status=429").status_code == 429
            with pytest.raises(httpx.RemoteProtocolError):
                vendor.call("openai-chat", "m+cut=2", stream=True)
        outcomes = [item["outcome"] for item in vendor.items()]
        assert outcomes == ["error", "cut", "error", "cut"]
