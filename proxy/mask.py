"""What a vendor sends back never shows the key that was sent to it."""

from __future__ import annotations

from domain.key_mask import KeyMask, mask_of

__all__ = ["KeyMask", "mask_of"]
