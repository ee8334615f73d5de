"""In CI every test runs: with CLAWBOT_REQUIRE_SERVICES=1 a skipped test has failed."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

SERVICES_ARE_REQUIRED = os.environ.get("CLAWBOT_REQUIRE_SERVICES") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected_to_fail = hasattr(report, "wasxfail")
    if SERVICES_ARE_REQUIRED and report.skipped and not expected_to_fail:
        report.longrepr = _refusal(report.nodeid, report.longrepr)
        report.outcome = "failed"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[
    None, pytest.CollectReport, pytest.CollectReport
]:
    report = yield
    if SERVICES_ARE_REQUIRED and report.skipped:
        report.longrepr = _refusal(report.nodeid, report.longrepr)
        report.outcome = "failed"
    return report


def _refusal(nodeid: str, skipped: object) -> str:
    reason = skipped[2] if isinstance(skipped, tuple) else skipped
    return f"{nodeid} was skipped, and here nothing may be: {reason}"
