"""One issuer and one front for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from application.rates import Rate
from tests.api.front import Front, front_of
from tests.api.oidc.door import Door, set_up
from tests.api.oidc.issuer import Issuer, issuer
from tests.api.system import in_memory


@pytest.fixture(scope="module")
def known() -> Iterator[Issuer]:
    with issuer() as known:
        yield known


@pytest.fixture(scope="module")
def hall() -> Iterator[Front]:
    """One front for all: what a test finds there does not matter to it."""
    system, often = in_memory(), Rate(name="sign-in", most=1000, exact=True)
    system.request_limits = replace(system.request_limits, sign_ins=often)
    with front_of(system) as front:
        yield front


@pytest.fixture
def door(hall: Front, known: Issuer) -> Door:
    known.forget()
    return set_up(hall, known)
