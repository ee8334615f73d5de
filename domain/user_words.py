"""A user's own words, without what agents put into user messages around them.

    OpenClaw      <<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>> ... <<<END_...>>>, a time stamp in
                  brackets before the words, and a line `Runtime: ...`
    Claude Code   <system-reminder>, <command-...>, <local-command-...>, <ide_...>,
                  <task-notification>, <user-prompt-submit-hook>
    Cline, Roo    <environment_details>, <file_content>; the words may stand in <task>,
                  <feedback> or <user_message>, which is taken off
    Codex         <environment_context>, <user_instructions>, <permissions instructions>,
                  <recommended_plugins>, <turn_aborted>, and
                  `# AGENTS.md instructions for ...` up to </INSTRUCTIONS>
    Cursor        <additional_data>, <attached_files>

A block that is opened and not closed goes on to the end. It takes time in proportion to the
text.
"""

from __future__ import annotations

import re

_OPENCLAW_ENDS = "<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"
_OPENS = re.compile(
    r"<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>"
    r"|<(?P<tag>system-reminder|command-[a-z]{1,20}|local-command-[a-z]{1,20}"
    r"|ide_[a-z_]{1,30}|task-notification|user-prompt-submit-hook"
    r"|environment_details|file_content|environment_context|user_instructions"
    r"|permissions instructions|recommended_plugins|turn_aborted"
    r"|additional_data|attached_files)(?: [^<>]{0,200})?>"
    r"|# AGENTS\.md instructions for "
)
_AROUND = re.compile(r"</?(?:task|feedback|user_message|user_query)>")
_STAMP = re.compile(r"^\s*\[[^\[\]\n]{0,40}\d{4}-\d{2}-\d{2}[^\[\]\n]{0,40}\]\s?")
_RUNTIME = re.compile(r"^Runtime:[^\n]*$", re.MULTILINE)


def own_words(text: str) -> str:
    """What the user wrote; "" if it was the agent alone."""
    kept, at = [], 0
    while (opened := _OPENS.search(text, at)) is not None:
        kept.append(text[at : opened.start()])
        ends = _end_of(opened)
        closed = text.find(ends, opened.end())
        if closed < 0:
            at = len(text)
            break
        at = closed + len(ends)
    kept.append(text[at:])
    words = _AROUND.sub("", "".join(kept))
    return _RUNTIME.sub("", _STAMP.sub("", words)).strip()


def _end_of(opened: re.Match[str]) -> str:
    if opened["tag"] is not None:
        return f"</{opened['tag']}>"
    return _OPENCLAW_ENDS if opened[0].startswith("<<<") else "</INSTRUCTIONS>"
