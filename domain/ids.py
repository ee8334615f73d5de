"""Identifiers. Each is a UUID that the type checker tells apart from the others."""

from typing import NewType
from uuid import UUID

BotId = NewType("BotId", UUID)
LinkId = NewType("LinkId", UUID)
ProviderKeyId = NewType("ProviderKeyId", UUID)
SessionId = NewType("SessionId", UUID)
TeamId = NewType("TeamId", UUID)
UserId = NewType("UserId", UUID)
