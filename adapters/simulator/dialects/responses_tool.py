"""A tool's call in OpenAI's responses: the item, and the events of a stream around it."""

from __future__ import annotations

from typing import Any

from adapters.simulator.rendering import Answer


def call_item(answer: Answer, *, done: bool) -> dict[str, Any]:
    """The output item that calls the tool."""
    return {
        "type": "function_call",
        "id": f"fc_{answer.core}",
        "call_id": f"call_{answer.core}",
        "name": answer.tool,
        "arguments": answer.text if done else "",
        "status": "completed" if done else "in_progress",
    }


def opening(answer: Answer, index: int) -> list[dict[str, Any]]:
    """What comes before the arguments."""
    item = call_item(answer, done=False)
    return [{"type": "response.output_item.added", "output_index": index, "item": item}]


def deltas(answer: Answer, index: int) -> list[dict[str, Any]]:
    """The arguments, piece by piece."""
    place = {"item_id": f"fc_{answer.core}", "output_index": index}
    kind = "response.function_call_arguments.delta"
    return [{"type": kind, **place, "delta": piece} for piece in answer.pieces]


def closing(answer: Answer, index: int) -> list[dict[str, Any]]:
    """What comes after them, up to the response's own end."""
    item = call_item(answer, done=True)
    place = {"item_id": item["id"], "output_index": index, "name": answer.tool}
    done = {"type": "response.function_call_arguments.done", "arguments": answer.text}
    return [
        {**done, **place},
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]
