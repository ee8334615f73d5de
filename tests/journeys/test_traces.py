"""Traces of a proxy as it is shipped: a span for each call, and nothing that was said."""

from __future__ import annotations

from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.adapters.collector import attributes, collecting
from tests.journeys.data_plane import running
from tests.journeys.plane import call_id_of, new_model

PROMPT, SECRET = "canary-of-the-prompt", "sk-canary-of-the-vault-0123456789"


def test_spans_arrive_and_hold_no_prompt_and_no_key(database_url: str) -> None:
    with (
        collecting() as collector,
        running(
            database_url, secret=SECRET, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url
        ) as plane,
    ):
        bot, model = plane.new_bot(), new_model()
        body = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
        url = f"{plane.url}/openai/v1/chat/completions"
        plain = plane.client.post(url, json=body, headers=bot.bearer)
        streamed = plane.chat(bot, model, stream=True)
        refused = plane.chat(bot, new_model("+status=429+echo"))
        assert (plain.status_code, streamed.status_code, refused.status_code) == (
            200,
            200,
            429,
        )
        plane.ended(bot, 3)
        plane.proxy.stop()  # what waits is sent before it ends
        spans = {attributes(span)["clawbot.call.id"]: span for span in collector.spans()}
        raw = b"".join(collector.bodies)
        text_of_answers = plain.json()["choices"][0]["message"]["content"]
    assert spans.keys() == {str(call_id_of(one)) for one in (plain, streamed, refused)}
    said = attributes(spans[str(call_id_of(plain))])
    usage = plain.json()["usage"]
    assert said["gen_ai.usage.input_tokens"] == usage["prompt_tokens"]
    assert said["gen_ai.usage.output_tokens"] == usage["completion_tokens"]
    assert said["gen_ai.request.model"] == said["gen_ai.response.model"] == model
    assert spans[str(call_id_of(refused))].status.code == Status.STATUS_CODE_ERROR
    hidden = (PROMPT, SECRET, bot.token, bot.hostname, text_of_answers)
    assert not [text for text in hidden if text.encode() in raw]
