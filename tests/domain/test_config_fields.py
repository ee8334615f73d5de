"""What is given for fields is judged once, and secrets are taken out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from domain.config_fields import ConfigField, FieldType, check_config, check_fields
from domain.errors import InvalidFields

HOST = ConfigField(key="host", required=True)
PORT = ConfigField(key="port", type=FieldType.NUMBER, default=3306)
WORD = ConfigField(key="password", required=True, secret=True)
SAFE = ConfigField(key="safe", type=FieldType.BOOLEAN)
PATHS = ConfigField(key="paths", type=FieldType.ARRAY)
PLACE = ConfigField(key="place", choices=("feishu", "lark"), default="feishu")
FIELDS = (HOST, PORT, WORD, SAFE, PATHS, PLACE)


def refused(given: dict[str, object], **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        check_config(FIELDS, given, **options)
    return caught.value.codes


def test_secrets_are_taken_out_and_defaults_filled_in() -> None:
    given = {"host": "db", "password": "s3cret", "paths": ["/a", "/b"], "safe": None}
    config, secrets = check_config(FIELDS, given)
    assert secrets == {"password": "s3cret"}
    assert json.loads(config) == {
        "host": "db",
        "port": 3306,
        "paths": ["/a", "/b"],
        "place": "feishu",
    }
    assert "s3cret" not in config


def test_each_mistake_is_told_under_its_field() -> None:
    given: dict[str, object] = {
        "port": "3306",
        "safe": 1,
        "paths": ["/a", 7],
        "place": "elsewhere",
        "other": 1,
        "password": "a\x00b",
    }
    assert refused(given) == {
        "config.host": "missing",
        "config.port": "wrong-type",
        "config.safe": "wrong-type",
        "config.paths": "wrong-type",
        "config.place": "not-a-choice",
        "config.other": "unknown-field",
        "config.password": "not-plain-text",
    }
    assert refused({"host": "", "password": "x"}) == {"config.host": "missing"}
    assert refused({"host": "h" * 4001, "password": "x"}) == {"config.host": "too-long"}
    many: dict[str, object] = {"host": "h", "password": "x", "paths": ["p"] * 51}
    assert refused(many, place="plugins.0.config") == {"plugins.0.config.paths": "too-long"}


def test_a_secret_that_is_kept_need_not_be_given_again() -> None:
    assert refused({"host": "db"}) == {"config.password": "missing"}
    _, secrets = check_config(FIELDS, {"host": "db"}, kept=("password",))
    assert secrets == {}


@pytest.mark.parametrize("number", [True, float("nan"), float("inf"), "1", [1]])
def test_what_is_no_finite_number_is_none(number: object) -> None:
    codes = refused({"host": "db", "password": "x", "port": number})
    assert codes == {"config.port": "wrong-type"}
    check_config(FIELDS, {"host": "db", "password": "x", "port": 10**400 // 10**399})
    assert refused({"host": "db", "password": "x", "port": 10**400}) == codes


def test_fields_that_make_no_sense_are_refused() -> None:
    wrong = (
        ConfigField(key="a b"),
        HOST,
        HOST,
        ConfigField(key="s", secret=True, default="shown"),
        ConfigField(key="t", secret=True, type=FieldType.NUMBER),
        ConfigField(key="n", type=FieldType.NUMBER, choices=("1",)),
        ConfigField(key="d", type=FieldType.NUMBER, default="1"),
    )
    with pytest.raises(InvalidFields) as caught:
        check_fields(wrong)
    assert caught.value.codes == {
        "config_fields.0.key": "not-a-key",
        "config_fields.2.key": "twice",
        "config_fields.3.secret": "secret-is-text-without-default",
        "config_fields.4.secret": "secret-is-text-without-default",
        "config_fields.5.enum": "not-for-this-type",
        "config_fields.6.default": "wrong-value",
    }
    with pytest.raises(InvalidFields):
        check_fields([ConfigField(key=f"k{n}") for n in range(41)])
    check_fields(FIELDS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@supposing(st.dictionaries(st.sampled_from([f.key for f in FIELDS] + ["x"]), JSON))
def test_whatever_is_given_is_refused_or_stored_without_its_secrets(
    given: dict[str, Any],
) -> None:
    try:
        config, secrets = check_config(FIELDS, given)
    except InvalidFields:
        return
    assert set(secrets) == {"password"}
    assert "password" not in json.loads(config)
    again, _ = check_config(FIELDS, json.loads(config), kept=("password",))
    assert again == config
