"""A team's skills: versions by content, approval by a person, recall by hash."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from domain.errors import InvalidFields, NotFound
from domain.ids import TeamId
from domain.skill_content import SkillDefinition, SkillKind, definition_of
from domain.skill_events import (
    Provenance,
    SkillApproved,
    SkillFacts,
    SkillRecalled,
    SkillRemoved,
    SkillSet,
    SkillSource,
    SkillsSynced,
    SkillVersion,
)
from domain.skill_sync import Found, Looked, plain_name, sync
from domain.skills import (
    OtherContent,
    SkillExists,
    SkillHasNoContent,
    SkillIsPending,
    SkillIsRecalled,
    SkillShelf,
)
from tests.given import given

TEAM = TeamId(uuid4())
ID = uuid4()
FACTS = SkillFacts(id=ID, name="notes")


def prompt(text: str) -> SkillDefinition:
    return definition_of(SkillKind.PROMPT, {"template": text})


ONE, TWO = prompt("one"), prompt("two")


def version(number: int, content: SkillDefinition, *, approved: bool) -> SkillVersion:
    return SkillVersion(
        number=number,
        kind=content.kind,
        content_hash=content.content_hash,
        approved=approved,
    )


def was_set(number: int, content: SkillDefinition, *, approved: bool = True) -> SkillSet:
    new = version(number, content, approved=approved)
    return SkillSet(team_id=TEAM, facts=FACTS, version=new)


RECALLED = SkillRecalled(team_id=TEAM, content_hash=ONE.content_hash, reason="leaks")


def test_what_a_member_writes_may_be_installed() -> None:
    given(SkillShelf()).when(lambda s: s.add(TEAM, FACTS, ONE, approved=True)).then(
        was_set(1, ONE)
    )
    shelf = SkillShelf().evolve(was_set(1, ONE))
    assert shelf.installable(ID)[1] == version(1, ONE, approved=True)
    other = replace(FACTS, id=uuid4())
    given(shelf).when(lambda s: s.add(TEAM, other, TWO, approved=True)).refused(SkillExists)


def test_other_content_makes_a_version_and_the_same_none() -> None:
    now = given(SkillShelf(), was_set(1, ONE))
    now.when(lambda s: s.change(TEAM, FACTS, ONE, approved=True)).then()
    now.when(lambda s: s.change(TEAM, FACTS, None, approved=True)).then()
    now.when(lambda s: s.change(TEAM, FACTS, TWO, approved=True)).then(was_set(2, TWO))
    told = replace(FACTS, description="Says more.")
    now.when(lambda s: s.change(TEAM, told, None, approved=True)).then(
        SkillSet(team_id=TEAM, facts=told)
    )


def test_what_is_pending_waits_for_who_looked_at_it() -> None:
    shelf = SkillShelf().evolve(was_set(1, ONE, approved=False))
    with pytest.raises(SkillIsPending):
        shelf.installable(ID)
    given(shelf).when(lambda s: s.approve(TEAM, ID, None, TWO.content_hash)).refused(
        OtherContent
    )
    approved = SkillApproved(team_id=TEAM, id=ID, number=1)
    given(shelf).when(lambda s: s.approve(TEAM, ID, None, ONE.content_hash)).then(approved)
    after = shelf.evolve(approved)
    given(after).when(lambda s: s.approve(TEAM, ID, 1, ONE.content_hash)).then()
    assert after.installable(ID)[1].number == 1
    pending = after.evolve(was_set(2, TWO, approved=False))
    assert pending.installable(ID)[1].number == 1  # the last one that is approved
    with pytest.raises(SkillIsPending):
        pending.installable(ID, 2)
    with pytest.raises(NotFound):
        pending.installable(ID, 3)


def test_recalled_content_is_never_installed_approved_or_taken_in_again() -> None:
    shelf = SkillShelf().evolve(was_set(1, ONE))
    given(shelf).when(lambda s: s.recall(TEAM, ONE.content_hash, "leaks")).then(RECALLED)
    given(shelf).when(lambda s: s.recall(TEAM, "x", "leaks")).refused(InvalidFields)
    after = shelf.evolve(RECALLED)
    given(after).when(lambda s: s.recall(TEAM, ONE.content_hash, "again")).then()
    for number in (None, 1):
        with pytest.raises(SkillIsRecalled):
            after.installable(ID, number)
    given(after).when(lambda s: s.approve(TEAM, ID, 1, None)).refused(SkillIsRecalled)
    other = SkillFacts(id=uuid4(), name="other")
    given(after).when(lambda s: s.add(TEAM, other, ONE, approved=True)).refused(
        SkillIsRecalled
    )
    given(after, was_set(2, TWO)).when(
        lambda s: s.change(TEAM, FACTS, ONE, approved=True)
    ).refused(SkillIsRecalled)
    assert after.evolve(was_set(2, TWO)).installable(ID)[1].number == 2
    gone = SkillRemoved(team_id=TEAM, id=ID)
    assert after.evolve(gone).recalled == {ONE.content_hash: "leaks"}


def test_a_skill_that_is_only_listed_has_nothing_to_install() -> None:
    listed = SkillShelf().evolve(SkillSet(team_id=TEAM, facts=FACTS))
    with pytest.raises(SkillHasNoContent):
        listed.installable(ID)
    given(listed).when(lambda s: s.approve(TEAM, ID, None, None)).refused(SkillHasNoContent)


def found(slug: str, content: SkillDefinition | None, owner: str = "ada") -> Found:
    where = Provenance(source=SkillSource.FOLDER, origin="home", owner=owner, slug=slug)
    return Found(provenance=where, content=content)


def looked(*all_found: Found, whole: bool = True) -> Looked:
    return Looked(
        source=SkillSource.FOLDER, origin="home", digest="", found=all_found, whole=whole
    )


def synced(shelf: SkillShelf, source: Looked) -> tuple[SkillShelf, SkillsSynced]:
    events = sync(shelf, TEAM, uuid4(), source)
    for event in events:
        shelf = shelf.evolve(event)
    last = events[-1]
    assert isinstance(last, SkillsSynced)
    return shelf, last


def test_a_sync_says_what_is_new_changed_and_gone_and_approves_nothing() -> None:
    shelf, first = synced(SkillShelf(), looked(found("a", ONE), found("b", TWO)))
    assert first.report.added == ("a", "b")
    assert not any(v.approved for s in shelf.skills.values() for v in s.versions)
    shelf, again = synced(shelf, looked(found("a", ONE), found("b", TWO)))
    assert (again.report.unchanged, again.report.changed) == (2, ())
    shelf, third = synced(shelf, looked(found("a", TWO), found("c", prompt("three"))))
    said = third.report
    assert (said.added, said.changed, said.removed) == (("c",), ("a",), ("b",))
    assert {one.facts.name for one in shelf.skills.values()} == {"a", "b", "c"}
    _, part = synced(shelf, looked(found("a", TWO), whole=False))
    assert part.report.removed == ()
    assert len(shelf.syncs) == 3


def test_a_sync_takes_no_name_away_and_no_recalled_content_in() -> None:
    shelf = SkillShelf().evolve(was_set(1, ONE)).evolve(RECALLED)
    shelf, said = synced(shelf, looked(found("notes", TWO), found("x", ONE)))
    assert said.report.added == ("ada-notes",)
    assert said.report.skipped == ("x",)
    _, more = synced(shelf, looked(found("Notes!", TWO, owner="Ada"), found("!", TWO, "!")))
    assert more.report.skipped == ("Notes!", "!")


@supposing(st.text(max_size=100))
def test_a_name_made_of_any_text_is_one_or_nothing(text: str) -> None:
    name = plain_name(text)
    assert name == "" or plain_name(name) == name


TOOL: dict[str, Any] = {"name": "t", "description": "d", "inputSchema": {"type": "object"}}
FLOW: dict[str, Any] = {
    "steps": [{"type": "tool", "id": "a"}, {"type": "loop", "id": "b"}],
    "triggers": ["daily"],
    "entryPoint": "a",
}


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        (SkillKind.TOOL, TOOL),
        (SkillKind.PROMPT, {"template": "x", "variables": ["a", {"name": "b"}]}),
        (SkillKind.WORKFLOW, FLOW),
    ],
)
def test_a_definition_has_one_spelling_and_one_hash(
    kind: SkillKind, good: dict[str, Any]
) -> None:
    turned = dict(reversed(good.items()))
    assert definition_of(kind, good) == definition_of(kind, turned)
    assert (
        definition_of(kind, good).content_hash == definition_of(kind, turned).content_hash
    )
    for other in SkillKind:
        if other not in {kind, SkillKind.MARKDOWN}:
            with pytest.raises(InvalidFields):
                definition_of(other, good)


@pytest.mark.parametrize(
    ("kind", "given_", "field"),
    [
        (SkillKind.TOOL, TOOL | {"name": "a b"}, "definition.name"),
        (SkillKind.TOOL, TOOL | {"description": " "}, "definition.description"),
        (SkillKind.TOOL, TOOL | {"inputSchema": []}, "definition.inputSchema"),
        (SkillKind.TOOL, TOOL | {"handler": 1}, "definition.handler"),
        (SkillKind.TOOL, TOOL | {"extra": 1}, "definition.extra"),
        (SkillKind.PROMPT, {"template": ""}, "definition.template"),
        (SkillKind.PROMPT, {"template": "x", "variables": [1]}, "definition.variables.0"),
        (SkillKind.PROMPT, {"template": "a\x00b"}, "definition"),
        (SkillKind.PROMPT, {"template": "x" * 60_001}, "definition"),
        (SkillKind.WORKFLOW, {"steps": []}, "definition.steps"),
        (
            SkillKind.WORKFLOW,
            FLOW | {"steps": [{"type": "shell"}]},
            "definition.steps.0.type",
        ),
        (SkillKind.WORKFLOW, FLOW | {"entryPoint": "z"}, "definition.entryPoint"),
        (SkillKind.MARKDOWN, " ", "definition"),
        (SkillKind.PROMPT, "text", "definition"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(
    kind: SkillKind, given_: Any, field: str
) -> None:
    with pytest.raises(InvalidFields) as caught:
        definition_of(kind, given_)
    assert field in caught.value.codes
