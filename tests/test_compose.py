"""compose.yaml follows the Compose Specification, and fits our commands and settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from typer.main import get_command

from adapters.settings import Settings
from api.cli.main import app

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((Path(__file__).parent / "compose_spec/compose-spec.json").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STORES = {"postgres", "redis", "rabbitmq"}
COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
OURS = ["migrate", "api", "proxy", "projector", "worker", "signer"]


def test_the_file_follows_the_compose_specification() -> None:
    problems = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft7Validator(SCHEMA).iter_errors(COMPOSE)
    ]
    assert problems == []


def test_the_schema_would_notice_a_wrong_field() -> None:
    wrong = {"services": {"api": {"image": "a:1", "comand": ["api"]}}}
    assert not Draft7Validator(SCHEMA).is_valid(wrong)


def test_every_process_is_there_and_nothing_else() -> None:
    assert set(SERVICES) == STORES | set(OURS)


@pytest.mark.parametrize("service", OURS)
def test_a_process_of_ours_runs_the_command_of_its_name(service: str) -> None:
    name, *options = SERVICES[service]["command"]
    assert name == service
    assert options == (["--no-proxy"] if service == "api" else [])
    known = {spelling for option in COMMANDS[name].params for spelling in option.opts}
    assert set(options) <= known


@pytest.mark.parametrize("service", OURS)
def test_a_process_of_ours_is_told_only_what_settings_know(service: str) -> None:
    known = {field.upper() for field in Settings.model_fields}
    assert set(SERVICES[service]["environment"]) <= known


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_a_process_of_ours_are_accepted(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # away from a developer's own .env
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, filled_in(value))
    assert Settings().bots_proxy_url == "http://proxy:3101"


def test_the_worker_looks_after_no_containers() -> None:
    assert SERVICES["worker"]["environment"]["CLAWBOT_RUNTIME"] == "external"


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_container_has_no_more_rights_than_it_needs(service: str) -> None:
    spec = SERVICES[service]
    assert spec["read_only"] is True
    assert spec["cap_drop"] == ["ALL"]
    assert spec["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "devices", "pid", "network_mode"} & set(spec)
    assert service in OURS or spec["user"] == service


@pytest.mark.parametrize("service", sorted({*SERVICES} - {"migrate"}))
def test_what_should_run_is_started_again(service: str) -> None:
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", sorted(STORES | {"api", "proxy"}))
def test_what_listens_is_watched(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


def test_bots_see_the_proxy_and_nothing_else() -> None:
    on_the_bots_network = {
        name for name, spec in SERVICES.items() if "bots" in spec["networks"]
    }
    assert on_the_bots_network == {"proxy"}
    assert COMPOSE["networks"]["bots"] == {"internal": True}


def test_no_port_is_open_to_other_machines() -> None:
    ports = [port for spec in SERVICES.values() for port in spec.get("ports", [])]
    assert ports == ["127.0.0.1:3100:3100", "127.0.0.1:3101:3101"]


def test_every_password_must_be_given_and_says_how() -> None:
    asked = re.findall(
        r"\$\{(\w*(?:PASSWORD|KEY)\w*)(:\?[^}]+)?}", str(SERVICES | COMPOSE["secrets"])
    )
    assert {name for name, _ in asked} == {
        "POSTGRES_PASSWORD",
        "RABBITMQ_PASSWORD",
        "REDIS_PASSWORD",
        "BOT_MASTER_KEY_PATH",
    }
    assert all(instruction for _, instruction in asked)


def test_images_are_pinned_by_version() -> None:
    for name, spec in SERVICES.items():
        assert re.search(r":\d+\.\d+", spec["image"]), name


def test_the_image_installs_by_hash_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    assert "USER 10001:10001" in lines
    assert lines.index("USER 10001:10001") > max(
        number for number, line in enumerate(lines) if line.startswith("FROM")
    )


def filled_in(value: object) -> str:
    """The value as compose would give it: a required variable set, an optional one not."""
    required = re.sub(r"\$\{\w+:\?[^}]+}", "0123abcd", str(value))
    return re.sub(r"\$\{\w+:-([^}]*)}", r"\1", required)
