# ruff: noqa: RUF001 - Chinese has its own commas and colons
"""What people are told about what a bot was to have and does not, in their language."""

from __future__ import annotations

from domain.workspace.rendered import Note

_TEXTS = {
    "channel-not-supported": (
        "OpenClaw has no {subject} channel; it is left out.",
        "OpenClaw 没有 {subject} 渠道，已略过。",
    ),
    "channel-by-qr-only": (
        "OpenClaw joins {subject} by a scanned code only; it is left out.",
        "OpenClaw 通过扫码接入 {subject}，不使用这些凭据，已略过。",
    ),
    "channel-twice": (
        "A bot has one {subject} channel; the others are left out.",
        "一个机器人只有一个 {subject} 渠道，其余已略过。",
    ),
    "channel-without-credentials": (
        "The credentials of {subject} are not complete; it is left out.",
        "{subject} 的凭据不完整，已略过。",
    ),
    "channel-answers-nobody": (
        "Nobody is on the list of {subject}: set `allowFrom` in the channel's config.",
        "{subject} 的名单为空：请在渠道配置中设置 `allowFrom`。",
    ),
    "channel-needs-egress": (
        "{subject} dials out, and the bot's network is isolated: allow egress.",
        "{subject} 需要外连，而机器人的网络是隔离的：请允许外连。",
    ),
    "channel-needs-ingress": (
        "{subject} calls in: the platform must reach the bot.",
        "{subject} 需要从外部访问机器人。",
    ),
    "secret-in-bot": (
        "The credentials of {subject} lie in a file that only the bot can read.",
        "{subject} 的凭据保存在只有该机器人能读取的文件中。",
    ),
    "plugin-inside": (
        "The plugin {subject} runs inside the bot, with its secrets in reach of it.",
        "插件 {subject} 在机器人内部运行，机器人可接触到它的密钥。",
    ),
    "plugin-not-inside": (
        "The image is not OpenClaw's: {subject} cannot run inside; it is left out.",
        "该镜像不是 OpenClaw：{subject} 不能在内部运行，已略过。",
    ),
    "skill-recalled": (
        "The skill {subject} was recalled; it is left out.",
        "技能 {subject} 已被召回，已略过。",
    ),
    "vendor-without-models": (
        "No model of {subject} is known: name some in the bot's providers.",
        "没有已知的 {subject} 模型：请在机器人的供应商设置中指定。",
    ),
    "no-models": (
        "The bot may ask for no model at all.",
        "该机器人没有可用的模型。",
    ),
}


def note(code: str, subject: str) -> Note:
    """The note of that code, about that."""
    en, zh = _TEXTS[code]
    return Note(
        code=code,
        subject=subject,
        en=en.format(subject=subject),
        zh=zh.format(subject=subject),
    )
