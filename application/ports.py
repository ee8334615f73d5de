"""What the application and the proxy ask of the outside, as roles. Adapters play them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.budgets import Extension, Granted, Wants
from domain.calls import CallAdmitted, CallFacts, CallRefused, CallSettled
from domain.holds import Booking
from domain.prices import NO_OTHER, Price
from domain.usage import OtherUnits, Usage
from domain.vendors import Vendor
from domain.verdicts import Verdict

MASKED_BELOW = 12  # characters: four of fewer would give too much away


class Secret:
    """A credential in clear, between the vault and the socket.

    It cannot be printed, compared, copied or serialised by accident: `reveal` is the only
    way in, and `wipe` overwrites what it held (best effort: Python may have copies).
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytearray(value)

    def reveal(self) -> bytes:
        return bytes(self._value)

    def last4(self) -> str:
        """All of it that is ever shown; nothing of a short one."""
        text = self._value.decode("ascii", "replace")
        return text[-4:] if len(text) >= MASKED_BELOW else ""

    def wipe(self) -> None:
        self._value[:] = bytes(len(self._value))

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return repr(self)

    def __eq__(self, _: object) -> bool:
        msg = "a secret is not compared"
        raise TypeError(msg)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> str:
        msg = "a secret is not serialised"
        raise TypeError(msg)


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """Which secret, and where it may be sent: all of it is bound into the ciphertext.

    `origin` is `scheme://host:port`; a record opened under another origin does not open.
    """

    team_id: UUID
    id: UUID
    version: int
    purpose: str  # "provider_key"
    vendor: str
    origin: str

    def __hash__(self) -> int:
        return hash((self.id.int, self.version))  # the rest seldom differs alone


class Vault(Protocol):
    """Where the control plane puts and removes secrets, which it cannot read back."""

    def put(self, ref: SecretRef, secret: Secret) -> None:
        """Seal and store one version, in the current unit of work."""

    def remove(self, team_id: UUID, secret_id: UUID) -> None:
        """Shred every version, in the current unit of work."""


class SecretRemoval(Protocol):
    """Who may shred single versions of secrets, and do nothing else with them."""

    def remove_version(self, secret_id: UUID, version: int) -> None:
        """Shred that one, in the current unit of work."""


class OpenVault(Protocol):
    """The proxy's side of the vault."""

    async def open(self, ref: SecretRef) -> Secret:
        """The secret in clear; `Unavailable`: the vault does not answer or open it."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """What is known of a user and may have to be erased: never in an event."""

    email: str
    name: str
    password_hash: str
    locale: str = ""  # empty: as each request says
    totp_secret: str = ""  # base32; asked for once the user's stream says so
    recovery_hashes: tuple[str, ...] = ()
    mobile: str = ""  # E.164; confirmed, or empty


class Shredder(Protocol):
    """Whoever deletes personal data without having to open it."""

    def shred(self, user_id: UUID) -> None:
        """Record and key are gone, with the current unit of work."""


class People(Shredder, Protocol):
    """Personal data, sealed under a key per person."""

    def put(self, user_id: UUID, person: Person) -> None: ...
    def get(self, user_id: UUID) -> Person | None: ...


class ErasureLedger(Protocol):
    """Who was erased, kept where a restore of the database does not reach."""

    def add(self, user_ids: Iterable[UUID]) -> None:
        """They stand there for good, however this process ends; `Unavailable`."""


class UnitOfWork(Protocol):
    """All that is written inside is committed together, or not at all."""

    def __call__(self) -> AbstractContextManager[None]: ...


class Meter(Protocol):
    """Admits, refuses and ends calls; each answer comes after the commit."""

    @property
    def process_id(self) -> UUID:
        """Whose lease the calls live under."""

    async def admit(
        self, call_id: UUID, admitted: CallAdmitted, wants: Wants | None = None
    ) -> Granted:
        """The call is on record, with a hold on every quota that applies.

        `QuotaExceeded`, `UnpricedCall`: its refusal is on record instead. `Unavailable`:
        nothing is. Without `wants` no quota applies.
        """

    def has_quotas(self, team_id: UUID) -> bool:
        """Whether the team had quotas when a call of it was last admitted."""

    async def extend(self, call_id: UUID, extension: Extension) -> Granted:
        """More is held for a call under way; refused and not on record as above."""

    async def refuse(self, call_id: UUID, refused: CallRefused) -> int:
        """The refusal is on record: its position."""

    async def settle(
        self, call_id: UUID, settled: CallSettled, *, within_seconds: float
    ) -> int:
        """The end is on record, as a correction if the call was abandoned meanwhile.

        `Unavailable`: not within that time; it is tried on until it is in.
        """


class MovesBalances(Protocol):
    """What changes balances of quotas beside the proxies."""

    def move(self, bookings: Iterable[Booking]) -> None:
        """They are as the bookings make them, once the unit of work is over.

        It comes before the event that says so: balances are locked before the log.
        """


class Prices(Protocol):
    """What calls cost."""

    def priced(self, usage: Usage, facts: CallFacts) -> tuple[int | None, str | None]:
        """The cost in micro-dollars and its source; both None when it is not known.

        By the prices of the call's team, vendor and model, at the time of its admission.
        """


class BoundedPrices(Prices, Protocol):
    """What calls cost, and what they can cost at most."""

    def bound(
        self,
        facts: CallFacts,
        input_tokens: int,
        output_tokens: int,
        units: OtherUnits = NO_OTHER,
    ) -> int | None:
        """The most micro-dollars that a call of no more costs; None: nobody knows.

        Of tokens and of what is charged by the piece, for the model that is asked for.
        """


@dataclass(frozen=True, kw_only=True)
class ListedPrice:
    """A price that comes with the product, and where it was found."""

    vendor: str
    model: str
    source: str
    version: str
    price: Price


class PriceList(Protocol):
    """The prices that hold where a team has none of its own."""

    def all(self, at: datetime) -> Sequence[ListedPrice]:
        """Those of that time, by vendor and model."""

    def price_of(self, vendor: str, model: str, at: datetime) -> Price | None:
        """The vendor's price of a model of that name, listed or not; None if none."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a vendor said of a key; `error` is our code where it gave no answer."""

    verdict: Verdict
    http_status: int | None = None
    error: str | None = None


class Prober(Protocol):
    """Asks a vendor about a secret that is not stored."""

    def probe(self, vendor: Vendor, secret: Secret, base_url: str | None) -> Found:
        """The vendor's verdict, now; refused if the address may not be asked."""


class KeyModels(Protocol):
    """Asks a vendor what a stored key may be used for."""

    def models(self, key_id: UUID, vendor: Vendor) -> tuple[Found, tuple[str, ...]]:
        """The verdict, and the models if it is good; `Unavailable` if nobody can ask."""


class JobQueue(Protocol):
    """Runs work later, at least once: a job must be harmless to run twice."""

    def enqueue(self, job: str, **arguments: str) -> None: ...
