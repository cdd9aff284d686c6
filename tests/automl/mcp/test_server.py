"""The server over stdio, with a scripted client that knows only tools, schemas and errors."""

import json
import subprocess

import anyio
import pytest
from agent import agent

from automl.mcp.tools import tools

LOCAL = {"skill": "toy", "runner": "local", "tracker": "none"}


@pytest.fixture
def converse(tmp_path, commands):
    """Return a function that lets a coroutine talk to a server in tmp_path."""

    def converse(talk):
        async def whole():
            async with agent(tmp_path, commands / "automl") as client:
                return await talk(client)

        return anyio.run(whole)

    return converse


def test_tools_answer_errors_as_json_does_and_keep_to_their_folder(converse, toy_data, automl):
    async def talk(agent):
        listed = await agent.client.list_tools()
        unknown = await agent.call("run", **LOCAL, data="data", trails=1)
        refused = await agent.call("plan", **LOCAL, data="data", spec={"train.lrr": 1})
        outside = await agent.call("data_show", data="../data")
        return listed.tools, unknown, refused, outside, await agent.call("stats")

    listed, unknown, refused, outside, nothing = converse(talk)
    assert [tool.name for tool in listed] == [*tools()]
    assert all(tool.input_schema and tool.output_schema for tool in listed)
    assert unknown[0] and unknown[1]["error"]["nearest"] == "trials"
    words = ("--skill=toy", "--runner=local", "--tracker=none", "--data=data", "train.lrr=1")
    printed = automl("run", *words, "--dry-run", "--json")
    assert refused == (True, json.loads(printed.stdout))
    assert outside[0] and outside[1]["error"]["key"] == "data"
    assert nothing[0] and nothing[1]["error"]["nearest"] == "status"


def test_a_run_answers_at_once_is_stopped_resumed_and_explained(converse, toy_data):
    async def talk(agent):
        is_error, handle = await agent.call(
            "run", **LOCAL, data="data", trials=2, epochs=4, out="runs/one",
            # Long enough that a busy machine starts the command that stops it.
            spec={"train.pause_s": 1.5},
        )  # fmt: skip
        assert (is_error, handle) == (False, {"experiment": "runs/one", "state": "running"})
        stopped = await agent.call("stop", experiment="one")
        again = await agent.call("stop", experiment="one")
        resumed = await agent.call("resume", experiment="one")
        status = await agent.wait("one")
        explained = await agent.call("explain", experiment="one", trial=1)
        jobs = await agent.call("jobs")
        uri = "automl://experiments/one/leaderboard"
        board = (await agent.client.read_resource(uri)).contents[0].text
        addresses = {str(r.uri) for r in (await agent.client.list_resources()).resources}
        return stopped, again, resumed, status, explained, jobs, board, uri in addresses

    stopped, again, resumed, status, explained, jobs, board, is_listed = converse(talk)
    assert (stopped[0], stopped[1]["state"]) == (False, "stopped")
    assert again[0] and "is not running" in again[1]["error"]["message"]
    assert resumed == (False, {"experiment": "one", "state": "running"})
    assert status["state"] == "finished" and status["promotion"]["trial"] == status["best"]["trial"]
    assert explained[1]["trials"][0]["ended"].startswith(("trained all", "stopped at"))
    assert jobs[1]["jobs"] and board.startswith("trial,") and is_listed


def test_of_two_runs_and_resumes_at_once_one_begins_and_the_other_says_why_not(converse, toy_data):
    asked = {**LOCAL, "data": "data", "trials": 2, "epochs": 4, "out": "runs/one",
             "spec": {"train.pause_s": 1.5}}  # fmt: skip

    async def both(agent, name, *calls):
        answers = []

        async def call(arguments):
            answers.append(await agent.call(name, **arguments))

        async with anyio.create_task_group() as group:
            for arguments in calls:
                group.start_soon(call, arguments)
        return sorted(answers, key=lambda answer: answer[0])

    async def talk(agent):
        # Two names of one folder, of which the second is none before a command makes `new`.
        run = await both(agent, "run", asked, {**asked, "out": "new/../runs/one"})
        stopped = await agent.call("stop", experiment="one")
        resumed = await both(agent, "resume", {"experiment": "one"}, {"experiment": "runs/one"})
        await agent.wait("one")
        return run, stopped, resumed

    run, stopped, resumed = converse(talk)
    assert not stopped[0]
    for begun, refused in (run, resumed):
        assert not begun[0] and begun[1]["state"] == "running"
        assert refused[0] and "one" in refused[1]["error"]["message"]


def test_words_that_no_command_can_take_are_an_error(converse, toy_data):
    async def talk(agent):
        return await agent.call("plan", **LOCAL, data="data", request="two hours " * 20_000)

    is_error, answer = converse(talk)
    assert is_error and answer["error"]["message"].startswith("--request: is too long")


def test_an_empty_folder_is_refused_and_not_a_new_one(converse, toy_data):
    is_error, answer = converse(lambda agent: agent.call("run", **LOCAL, data="data", out=""))
    assert is_error and answer["error"]["message"].startswith("--out: is empty")


def test_lines_that_are_no_messages_are_answered_by_the_codes_of_json_rpc(tmp_path, commands):
    greeting = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                   "clientInfo": {"name": "raw", "version": "1"}},
    }  # fmt: skip
    lines = ["{broken", '{"jsonrpc": "2.0", "id": []}', json.dumps(greeting)]
    done = subprocess.run(
        [commands / "automl", "mcp", "--root", tmp_path], input="\n".join(lines) + "\n",
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    errors = [(a["id"], a["error"]["code"]) for a in answers if "error" in a]
    assert errors == [(None, -32700), (None, -32600)]
    assert any(a["id"] == 1 and a["result"]["serverInfo"]["name"] == "automl" for a in answers)
