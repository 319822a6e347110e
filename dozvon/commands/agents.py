"""``dozvon agents``: who is there, what they do, and their status."""

from __future__ import annotations

import click


@click.group(invoke_without_command=True)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Agents, their skills and states; without a word after it, the list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_agents, as_json=False)


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_agents(as_json: bool) -> None:
    """Everybody whom the distributor knows."""
    import json

    from dozvon.client import ask
    from dozvon.settings import load

    answer = ask(load(), "/agents")
    for agent in answer["items"]:
        if as_json:
            click.echo(json.dumps(agent, ensure_ascii=False))
            continue
        phone = "" if agent["reachable"] else "phone away"
        since_s = max(0, (answer["now_ms"] - agent["since_ms"]) // 1000)
        skills = " ".join(f"{topic}:{level}" for topic, level in sorted(agent["skills"].items()))
        state = agent["state"]
        if agent["chats"]:
            state += f" {agent['chats']}/{agent['chat_capacity']}"
        click.echo(
            f"{agent['agent_id']:6} {agent['name']:22} {agent['status']:10} {state:12} {since_s:6} s "
            f"{phone:10} {','.join(agent['languages']):8} {skills}"
        )


@cli.command()
@click.argument("agent_id")
@click.argument("status", type=click.Choice(["available", "on_break", "logged_out"]))
@click.option("--reason", default="", help="Of a break.")
def status(agent_id: str, status: str, reason: str) -> None:
    """Declare an agent's status for him."""
    from dozvon.client import ask
    from dozvon.settings import load

    ask(load(), f"/agents/{agent_id}", "PATCH", {"status": status, "reason": reason})
    click.echo(f"{agent_id} {status}")
