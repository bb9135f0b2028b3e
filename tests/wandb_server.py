"""A small W&B server on 127.0.0.1 for the real client: it stores runs, and fails in the ways that servers fail.

It answers the operations that opening, feeding and ending a run need; the client does without the others. What it
stores outlives ``stop`` and ``start``, as a database outlives a restart.

What a client sends twice is stored once: files by their name, streamed lines by their offset, and rows of the history
by their ``_step``, on which W&B's own repeated uploads rest (wandb/wandb, core/internal/runsyncstate/syncstate.go).
"""

import base64
import gzip
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

KEY = "5ecre7" * 7
KINDS = ("graphql", "file_stream", "upload")
"""Of requests: what opens and describes a run, its rows, its files."""
ARTIFACTS = ("ArtifactType", "CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "CommitArtifact")


@dataclass
class Run:
    """What has arrived of one run."""

    id: str
    project: str
    display_name: str = ""
    group: str = ""
    job_type: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, dict[int, str]] = field(default_factory=dict)
    """The lines of each streamed file by their offset."""
    files: dict[str, bytes] = field(default_factory=dict)
    artifacts: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The files of each artifact by its name, once it is committed."""
    alerts: list[dict[str, str]] = field(default_factory=list)
    exit_code: int | None = None
    """None: it has not ended."""

    @property
    def history(self) -> list[dict[str, Any]]:
        """The logged rows in the order of their ``_step``."""
        rows = [json.loads(line) for _, line in sorted(self.streams.get("wandb-history.jsonl", {}).items())]
        return [row for _, row in sorted({row["_step"]: row for row in rows}.items())]

    @property
    def summary(self) -> dict[str, Any]:
        """The last value of everything."""
        lines = self.streams.get("wandb-summary.json", {})
        return json.loads(lines[max(lines)]) if lines else {}


@dataclass
class Artifact:
    """An artifact while it arrives."""

    run: str
    name: str
    type: str
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Fault:
    """What becomes of the next ``times`` requests of a kind: an HTTP status, or a connection that ends unanswered."""

    times: int
    what: int | str
    """A status; or ``request lost``: nothing was stored; or ``answer lost``: it was, and the client cannot know."""


class Server:
    """Runs from its construction on, on a port of its own."""

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.runs: dict[str, Run] = {}
        self.faults: dict[str, Fault] = {}
        """By kind of request."""
        self.views: dict[str, dict[str, Any]] = {}
        """The last saved workspace and report, by their types: project-view and runs."""
        self.artifacts: list[Artifact] = []
        """Also those that are not yet committed; the id of each is its place."""
        self.delay = 0.0
        """Seconds before each answer."""
        self.answers: Counter[tuple[str, int | str]] = Counter()
        """How often each kind was answered with each status, or met each loss."""
        self.lock = threading.Lock()
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._http = Listener(("127.0.0.1", self.port), Handler)
        self._http.service = self
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """From now on the port refuses connections; it stays this server's own."""
        self._http.shutdown()
        self._http.server_close()

    def meet_fault(self, kind: str) -> int | str | None:
        """What goes wrong with this request, and one time less with the next ones."""
        with self.lock:
            fault = self.faults.get(kind)
            if fault is None or fault.times == 0:
                return None
            fault.times -= 1
            self.answers[kind, fault.what] += 1
            return fault.what

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The answer to one operation."""
        operation = re.findall(r"(?:query|mutation)\s+(\w+)", query)[0]
        with self.lock:
            match operation:
                case "GetDefaultEntity":
                    return {"data": {"viewer": {"id": "u", "entity": "local"}}}
                case "Viewer":
                    names = {"id": "u", "entity": "local", "username": "local", "flags": "{}"}
                    return {"data": {"viewer": names | {"teams": {"edges": []}}}}
                case "ServerFeaturesQuery":
                    return {"data": {"serverInfo": {"features": []}}}
                case "RunResumeStatus":
                    model = {"id": "m", "name": variables["project"], "entity": {"id": "e", "name": "local"}}
                    return {"data": {"model": model | {"bucket": self._resumable(variables["name"])}}}
                case "UpsertBucket":
                    return {"data": {"upsertBucket": self._upsert(variables)}}
                case "CreateRunFiles":
                    address = f"{self.url}/upload/{variables['run']}"
                    files = [{"name": name, "uploadUrl": f"{address}/{name}"} for name in variables["files"]]
                    return {"data": {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}}
                case "NotifyScriptableRunAlert":
                    self.runs[variables["runName"]].alerts.append(variables)
                    return {"data": {"notifyScriptableRunAlert": {"success": True}}}
                case "GetProjects":
                    found = sorted({run.project for run in self.runs.values()})
                    edges = [{"node": _project(name), "cursor": name} for name in found]
                    page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
                    return {"data": {"models": {"edges": edges, "pageInfo": page}}}
                case "ProjectInternalId":
                    return {"data": {"project": {"id": "p", "internalId": _encoded("ProjectInternalId:1")}}}
                case "UpsertView2" | "upsertView":
                    self.views[variables["type"]] = variables
                    return {"data": {"upsertView": {"view": _view(variables), "inserted": True}}}
                case _ if operation in ARTIFACTS:
                    return {"data": self._artifact(operation, variables)}
        return {"data": None, "errors": [{"message": f"unsupported operation {operation}"}]}

    def _upsert(self, variables: dict[str, Any]) -> dict[str, Any]:
        name = variables["name"]
        inserted = name not in self.runs
        run = self.runs.setdefault(name, Run(name, variables["project"]))
        run.display_name = variables["displayName"] or run.display_name
        run.group = variables["groupName"] or run.group
        run.job_type = variables["jobType"] or run.job_type
        run.tags, run.notes = variables["tags"] or run.tags, variables["notes"] or run.notes
        run.config = {key: item["value"] for key, item in json.loads(variables["config"] or "{}").items()}
        project = {"id": "p", "name": run.project, "entity": {"id": "e", "name": "local"}}
        bucket = {"id": "r", "name": name, "displayName": run.display_name, "config": "{}", "project": project}
        return {"bucket": bucket | {"historyLineCount": len(run.history)}, "inserted": inserted}

    def _artifact(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The answers by which the client creates an artifact, sends its files and its manifest, and commits it."""
        given = variables.get("input", variables)
        match operation:
            case "CreateArtifact":
                self.artifacts.append(
                    Artifact(given["runName"], given["artifactCollectionName"], given["artifactTypeName"])
                )
                made = {"id": str(len(self.artifacts) - 1), "state": "PENDING"}
                return {"createArtifact": {"artifact": made | {"artifactSequence": {"latestArtifact": None}}}}
            case "CreateArtifactManifest":
                file = self._artifact_file(given["artifactID"], "manifest")
                return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}
            case "CreateArtifactFiles":
                files = [self._artifact_file(each["artifactID"], each["name"]) for each in given["artifactFiles"]]
                return {"createArtifactFiles": {"files": {"edges": [{"node": file} for file in files]}}}
            case "CommitArtifact":
                arrived = self.artifacts[int(given["artifactID"])]
                if arrived.type != "wandb-history":
                    self.runs[arrived.run].artifacts[arrived.name] = arrived.files
                return {"commitArtifact": {"artifact": {"id": given["artifactID"], "digest": "x"}}}
        return {"project": None}

    def _artifact_file(self, artifact: str, name: str) -> dict[str, Any]:
        address = f"{self.url}/upload/artifact/{artifact}/{name}"
        shown = {"id": name, "name": name, "displayName": name, "uploadUrl": address, "uploadHeaders": []}
        return shown | {"storagePath": None, "uploadMultipartUrls": None, "artifact": {"id": artifact}}

    def _resumable(self, name: str) -> dict[str, Any] | None:
        """Where a run stands, None where there is none."""
        if name not in self.runs:
            return None
        run = self.runs[name]
        lines = {f"{kind}LineCount": len(run.streams.get(f"wandb-{kind}.jsonl", {})) for kind in ("history", "events")}
        tails = {
            "historyTail": json.dumps([json.dumps(row) for row in run.history[-1:]]),
            "eventsTail": "[]",
            "summaryMetrics": json.dumps(run.summary),
            "config": json.dumps({key: {"value": value} for key, value in run.config.items()}),
            "wandbConfig": json.dumps(run.config["_wandb"]),
        }
        return {"id": "r", "name": name, "displayName": run.display_name, "logLineCount": 0, "tags": []} | lines | tails

    def take(self, path: str, body: bytes) -> None:
        """Stores a file of a run, ``<run>/<name>``, or of an artifact, ``artifact/<id>/<name>``."""
        owner, name = path.split("/", 1)
        with self.lock:
            if owner == "artifact":
                place, name = name.split("/", 1)
                self.artifacts[int(place)].files[name] = body
            else:
                self.runs[owner].files[name] = body

    def stream(self, name: str, body: dict[str, Any]) -> None:
        """Stores streamed lines, and how the run ended."""
        with self.lock:
            run = self.runs[name]
            for file, part in body.get("files", {}).items():
                run.streams.setdefault(file, {}).update(enumerate(part["content"], part["offset"]))
            if body.get("complete"):
                run.exit_code = body["exitcode"]


def _project(name: str) -> dict[str, Any]:
    return {"id": "p", "name": name, "entityName": "local", "createdAt": "", "isBenchmark": False, "user": None}


def _view(variables: dict[str, Any]) -> dict[str, Any]:
    shown = {key: variables[key] for key in ("displayName", "description", "spec") if variables.get(key)}
    return {"id": "Vmlldzox", "name": "v", "project": {"name": "p", "entityName": "local"}} | shown


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Listener(ThreadingHTTPServer):
    """Knows whom its requests are for."""

    service: Server


class Handler(BaseHTTPRequestHandler):
    """One connection a request, so that a stopped server has none left open."""

    server: Listener

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_PUT(self) -> None:
        self._serve("upload")

    def do_POST(self) -> None:
        self._serve(self.path.rpartition("/")[2])

    def _serve(self, kind: str) -> None:
        service = self.server.service
        body = self._body()
        time.sleep(service.delay)
        fault = service.meet_fault(kind)
        if isinstance(fault, int):
            return self._answer(kind, fault, {"error": "out of order"})
        if fault == "request lost":
            self.close_connection = True
            return None
        answer: dict[str, Any] = {}
        if kind == "upload":
            service.take(unquote(self.path).removeprefix("/upload/"), body)
        elif kind in KINDS and not self._authorised():
            return self._answer(kind, 401, {"errors": [{"message": "user is not logged in"}]})
        elif kind == "graphql":
            request = json.loads(body)
            answer = service.graphql(request["query"], request.get("variables") or {})
        elif kind == "file_stream":
            service.stream(self.path.split("/")[4], json.loads(body))
        if fault == "answer lost":
            self.close_connection = True
            return None
        return self._answer(kind, 200, answer)

    def _authorised(self) -> bool:
        login = base64.b64encode(f"api:{self.server.service.key}".encode()).decode()
        return self.headers["Authorization"] == f"Basic {login}"

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body

    def _answer(self, kind: str, status: int, content: dict[str, Any]) -> None:
        service = self.server.service
        if status == 200:
            with service.lock:
                service.answers[kind, status] += 1
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
