from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from web.tokens import Tokens, TokensError


def test_a_token_opens_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "secrets" / "tokens.json")
    secret = tokens.create("Ольга", "agent", agent_id="2001")
    owner = tokens.owner(secret)
    assert owner is not None
    assert (owner.name, owner.role, owner.agent_id) == ("Ольга", "agent", "2001")
    assert secret not in (tmp_path / "secrets" / "tokens.json").read_text()
    assert stat.S_IMODE((tmp_path / "secrets" / "tokens.json").stat().st_mode) == 0o600
    assert tokens.owner(secret + "x") is None
    assert tokens.owner("\ud800") is None


def test_roles_include_those_before_them(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    supervisor = tokens.owner(tokens.create("s", "supervisor"))
    assert supervisor is not None
    assert [supervisor.may(role) for role in ("agent", "supervisor", "admin")] == [True, True, False]


def test_a_front_stands_beside_the_ranks(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    front = tokens.owner(tokens.create("site", "front"))
    assert front is not None and not front.may("agent")
    with pytest.raises(TokensError, match="no agent"):
        tokens.create("site", "front", agent_id="2001")


def test_a_token_expires(tmp_path: Path) -> None:
    now_s = [1_000_000.0]
    tokens = Tokens(tmp_path / "tokens.json", clock_s=lambda: now_s[0])
    secret = tokens.create("guest", "agent", days=1)
    now_s[0] += 86_399
    guest = tokens.owner(secret)
    assert guest is not None and tokens.stands(guest)
    now_s[0] += 1
    assert tokens.owner(secret) is None and not tokens.stands(guest)


def test_a_revoked_token_is_refused_by_another_process_too(tmp_path: Path) -> None:
    tokens, other = Tokens(tmp_path / "tokens.json"), Tokens(tmp_path / "tokens.json")
    secret = tokens.create("a", "admin")
    owner = other.owner(secret)
    assert owner is not None
    assert tokens.revoke(owner.id)
    assert not tokens.revoke(owner.id)
    other._looked_s = float("-inf")  # a second later
    assert other.owner(secret) is None


def test_tokens_made_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Tokens(tmp_path / "tokens.json").create(f"n{n}", "agent"), range(16)))
    assert len(Tokens(tmp_path / "tokens.json").all()) == 16


@pytest.mark.parametrize(
    ("name", "role"), [("", "agent"), ("a\nb", "agent"), ("x" * 65, "agent"), ("a", "root")]
)
def test_a_senseless_token_is_refused(tmp_path: Path, name: str, role: str) -> None:
    with pytest.raises(TokensError):
        Tokens(tmp_path / "tokens.json").create(name, role)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", ["", "[]", '{"tokens": [{"id": 1}]}', '{"tokens": {"a": 1}}'])
def test_a_wrong_file_is_named_and_lets_nobody_in(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.json").write_text(content)
    with pytest.raises(TokensError, match="not a file of tokens"):
        Tokens(tmp_path / "tokens.json").owner("dzv_anything")
