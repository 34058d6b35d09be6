from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.wakeups.mentions import NamedAgent, mentioned_agents, mentioned_skills

AGENTS = [
    NamedAgent("1", "Ann"),
    NamedAgent("2", "Ann-Marie"),
    NamedAgent("3", "Backend Engineer"),
    NamedAgent("4", "CTO"),
    NamedAgent("5", "Zoë"),
    NamedAgent("6", "cto"),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("@Ann please look", ["1"]),
        ("please look, @ann.", ["1"]),
        ("@Ann's patch", ["1"]),
        ("(@Ann)", ["1"]),
        ("@Ann-Marie please", ["2"]),
        ("@Ann - Marie", ["1"]),
        ("@Anna", []),
        ("@Ann_b", []),
        ("@backend engineer and @ZOË", ["3", "5"]),
        ("@Backend", []),
        ("mail ann@Ann.example", []),
        ("@@Ann", []),
        ("@CTO", ["4", "6"]),
        ("@Ann @Ann @Backend Engineer @Ann", ["1", "3"]),
        ("@nobody", []),
        ("", []),
        ("[@Ann](agent://3)", ["3"]),
        ('[@Ann](agent://3?i=icon "title") and @Ann', ["3", "1"]),
        ("see [the CTO](agent://4)", ["4"]),
        ("agent://5", ["5"]),
        ("[@Ann](agent://unknown)", []),
        ("[@Ann](https://example.org)", ["1"]),
        ("`@Ann`", []),
        ("``a ` @Ann`` @Zoë", ["5"]),
        ("```\n@Ann\n```\n@Zoë", ["5"]),
        ("~~~py\n@Ann\n~~~", []),
        ("```\n@Ann", []),
        ("a ` b @Ann", ["1"]),
    ],
)
def test_who_is_mentioned(text: str, ids: list[str]) -> None:
    assert mentioned_agents(text, AGENTS) == ids


def test_the_author_never_mentions_itself() -> None:
    assert mentioned_agents("@Ann @Zoë", AGENTS, author_agent_id="1") == ["5"]


def test_an_agent_without_a_name_is_never_meant() -> None:
    assert mentioned_agents("@ hello @", [NamedAgent("1", " ")]) == []


@given(st.text(alphabet="@AnZoë` []()~\n-agent:/1235", max_size=60))
def test_any_text_names_only_known_agents_and_none_twice(text: str) -> None:
    ids = mentioned_agents(text, AGENTS)
    assert len(ids) == len(set(ids))
    assert set(ids) <= {agent.id for agent in AGENTS}


@given(
    st.sampled_from(AGENTS), st.sampled_from(["", "so ", "(", "\n", "> "]), st.sampled_from(["", ",", " go", "!", "\n"])
)
def test_a_whole_name_is_always_found(agent: NamedAgent, before: str, after: str) -> None:
    assert agent.id in mentioned_agents(f"{before}@{agent.name}{after}", AGENTS)


SKILL = "0b9c1f3e-52d1-4a3b-9f5e-0b6f0c1d2e3f"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"[release](skill://{SKILL}?s=release)", [SKILL]),
        (f"skill://{SKILL.upper()} and skill://{SKILL}", [SKILL]),
        (f"`skill://{SKILL}`", []),
        (f"```\nskill://{SKILL}\n```", []),
        (f"skill://{SKILL}0", []),
        ("skill://release", []),
        (f"agent://{SKILL}", []),
    ],
)
def test_a_skill_is_mentioned_by_a_link_that_is_not_code(text: str, found: list[str]) -> None:
    assert mentioned_skills([text]) == found


def test_skills_come_in_the_order_of_their_first_mention() -> None:
    other = SKILL.replace("0b9c", "1b9c")
    assert mentioned_skills([f"skill://{other} skill://{SKILL}", f"skill://{other}"]) == [other, SKILL]
