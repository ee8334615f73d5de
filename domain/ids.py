"""Identifiers. Each is a UUID that the type checker tells apart from the others."""

from typing import NewType
from uuid import UUID

ApiTokenId = NewType("ApiTokenId", UUID)
BotId = NewType("BotId", UUID)
InvitationId = NewType("InvitationId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
LinkId = NewType("LinkId", UUID)
ModelPriceId = NewType("ModelPriceId", UUID)
ProviderKeyId = NewType("ProviderKeyId", UUID)
QuotaId = NewType("QuotaId", UUID)
SessionId = NewType("SessionId", UUID)
TeamId = NewType("TeamId", UUID)
UserId = NewType("UserId", UUID)
