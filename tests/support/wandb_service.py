"""A loopback stand-in for W&B's service: as much as its agent and the runs of a sweep ask for, and no more."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

SERVER: dict[str, Any] = {"cliVersionInfo": {"max_cli_version": "9.9"}, "latestLocalVersionInfo": None, "features": []}

PROJECT = {"id": "id", "name": "project", "entity": {"id": "id", "name": "me"}}


class SweepService:
    """Hands out the runs of one sweep, one after the other, keeps what they log, and then tells the agent to end.

    Args:
        runs: for each run the values of its parameters.

    Attributes:
        config: the sweep that was made last.
        handed_out: ids of the runs.
        history: what each run has logged, row by row.
        summary: what each run has left as its result.
    """

    def __init__(self, runs: list[dict[str, Any]]) -> None:
        self.text = ""
        self.runs = runs
        self.address = ""
        self.handed_out: list[str] = []
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.summary: dict[str, dict[str, Any]] = {}

    @property
    def config(self) -> dict[str, Any]:
        """The sweep, as it was made."""
        config: dict[str, Any] = yaml.safe_load(self.text)
        return config

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data for a query."""
        if "upsertSweep" in query:
            self.text = variables["config"]
            return {"upsertSweep": {"sweep": {"name": "sweep", "project": PROJECT}, "configValidationWarnings": []}}
        if "createAgent" in query:
            return {"createAgent": {"agent": {"id": "agent"}}}
        if "agentHeartbeat" in query:
            busy = any(json.loads(variables.get("runState") or "{}").values())
            commands = [] if busy else [self.command()]
            return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": json.dumps(commands)}}
        if "upsertBucket" in query:
            return {"upsertBucket": {"bucket": self.bucket(variables), "inserted": True}}
        if "createRunFiles" in query:
            # Nothing that it might upload is wanted; it uploads to an address all the same.
            files = [{"name": name, "uploadUrl": f"{self.address}/upload"} for name in variables["files"]]
            return {"createRunFiles": {"runID": "id", "uploadHeaders": [], "files": files}}
        if "viewer" in query:
            named = dict.fromkeys(("id", "username", "email", "entity", "name"), "me")
            return {"viewer": {**named, "admin": False, "flags": "{}", "teams": {"edges": []}}, "serverInfo": SERVER}
        if "sweep" in query.lower():
            return {"project": {"id": "project", "sweep": self.sweep()}}
        return {"serverInfo": SERVER}

    def keep(self, run: str, files: dict[str, dict[str, Any]]) -> None:
        """Keep what a run has streamed: lines of its files."""
        for name, part in files.items():
            rows = [json.loads(line) for line in part["content"]] if name.endswith((".json", ".jsonl")) else []
            if name == "wandb-history.jsonl":
                self.history.setdefault(run, []).extend(rows)
            if name == "wandb-summary.json" and rows:
                self.summary[run] = rows[-1]

    def bucket(self, variables: dict[str, Any]) -> dict[str, Any]:
        """A run, as it asks to be kept."""
        return {
            "id": "id",
            "name": variables["name"],
            "displayName": variables["name"],
            "description": None,
            "config": None,
            "historyLineCount": 0,
            "sweepName": "sweep",
            "project": PROJECT,
        }

    def command(self) -> dict[str, Any]:
        """What an agent with nothing to do is to do next."""
        if len(self.handed_out) == len(self.runs):
            return {"type": "exit"}
        values = self.runs[len(self.handed_out)]
        self.handed_out.append(f"run{len(self.handed_out)}")
        arguments = {key: {"value": value} for key, value in values.items()}
        return {"type": "run", "run_id": self.handed_out[-1], "program": self.config["program"], "args": arguments}

    def sweep(self) -> dict[str, Any]:
        """The sweep, with nothing run yet."""
        unknown = dict.fromkeys(("heartbeatAt", "updatedAt", "controller", "scheduler", "bestLoss", "user"))
        return {
            **unknown,
            "id": "id",
            "name": "sweep",
            "displayName": "sweep",
            "description": "",
            "method": self.config["method"],
            "state": "RUNNING",
            "config": self.text,
            "createdAt": "2026-01-01T00:00:00",
            "earlyStopJobRunning": False,
            "runCount": 0,
            "priorRuns": {"edges": []},
            "runs": {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
        }


@contextmanager
def serving(service: SweepService) -> Iterator[str]:
    """The address at which the service answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/file_stream"):
                service.keep(self.path.split("/")[-2], asked.get("files") or {})
                self.reply({})
            else:
                self.reply({"data": service.answer(asked.get("query", ""), asked.get("variables") or {})})

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.reply({})

        def reply(self, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield service.address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
