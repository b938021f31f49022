"""A training service on this machine, for tests: OpenAI's files and fine_tuning.jobs API as published.

with FakeTraining() as server:
    trainer = HostedTrainer(Client(server.url, SecretStr("secret")), sleep=lambda seconds: None)

A job goes on by one stage each time it is looked at. Bodies that the published schema does not allow are
refused with 400, and everything is counted.
"""

import contextlib
import email.parser
import email.policy
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback import Loopback, LoopbackServer

FAULTS = ("rate_limited", "server_error", "dropped", "lost")
"""`dropped`: the connection is closed and nothing was done; `lost`: it was done, the answer is cut off."""
BODY_FIELDS = {
    "model", "training_file", "validation_file", "suffix", "seed", "metadata", "integrations", "method",
}  # fmt: skip
HYPERPARAMETERS = {
    "supervised": {"n_epochs", "batch_size", "learning_rate_multiplier"},
    "reinforcement": {
        "n_epochs", "batch_size", "learning_rate_multiplier", "compute_multiplier", "eval_interval",
        "eval_samples", "reasoning_effort",
    },
}  # fmt: skip
GRADERS = {
    "string_check": {"input", "reference", "operation"},
    "text_similarity": {"input", "reference", "evaluation_metric"},
    "score_model": {"model", "input"},
    "python": {"source"},
    "multi": {"graders", "calculate_output"},
}
"""What each type of grader must have besides `type` and `name`."""
MORE = {"score_model": {"range", "sampling_params"}, "python": {"image_tag"}}
"""What it may have."""
RANGES = {
    "n_epochs": (int, 1, 50),
    "batch_size": (int, 1, 256),
    "learning_rate_multiplier": (int | float, 1e-9, 1e9),
    "compute_multiplier": (int | float, 1e-5, 10),
    "eval_interval": (int, 1, 10**9),
    "eval_samples": (int, 1, 10**9),
}
EFFORTS = ("default", "low", "medium", "high")
FINAL = ("succeeded", "failed", "cancelled")
Answer = tuple[int, Any]


@dataclass
class Stage:
    """What a job is like from one look on: its status, events that happen then, checkpoints saved."""

    status: str
    events: Sequence[dict[str, Any]] = ()
    checkpoints: Sequence[dict[str, Any]] = ()
    changes: dict[str, Any] = field(default_factory=dict)


def write_metrics(step: int, total: int, **scores: float) -> dict[str, Any]:
    """Give the event of a step, with metrics in the flat style."""
    data = {"step": step, "total_steps": total, **scores}
    return {"type": "metrics", "message": f"Step {step}", "data": data}


def succeed(steps: int = 4) -> list[Stage]:
    """Give the stages of a job that succeeds, with rewards that rise by 0.1 a step from 0.3 on."""
    running: list[Stage] = []
    for step in range(1, steps + 1):
        reward = round(0.2 + 0.1 * step, 2)
        event = write_metrics(step, steps, train_mean_reward=reward, full_valid_mean_reward=reward)
        running.append(Stage("running", [event]))
    return [Stage("validating_files"), Stage("queued"), *running, Stage("succeeded")]


class FakeTraining(Loopback):
    """The service and its counts; use it as a context manager.

    Args:
        stages: What jobs go through.
        faults: Fault of the first request, the second, and so on; "" is none.
        shares: Share of requests, 0 to 1, with each fault, after those.
        seed: Of the plan of faults.
        key: The only key that is accepted; None accepts any.
        refusal: Status and error for every job that is created.
        page: Most things in one page.
        lacks: Parts of paths that the service does not have, such as "/pause".
        keeps_metadata: Whether jobs keep their metadata.
        oldest_first: Whether events are listed from the oldest on.
        late: Listings of jobs that do not show a new job yet.
        file_statuses: Statuses of a file, one a look.
        reply: Gives the message of a chat completion.
        refuses: Parameters of chat completions that are answered with 400.
        retry_after: Header of a 429.
        gate: Called while a request is under way, except for models.
        models: Models that it lists; None: it does not list any. Asking for them is no part of the plan of
            faults, and is counted apart.
        prefix: What paths begin with.
        has_usage: Whether chat completions tell how many tokens they took.
        finish: Why they ended.
    """

    def __init__(
        self,
        stages: Iterable[Stage] | None = None,
        *,
        faults: Iterable[str] = (),
        shares: dict[str, float] | None = None,
        seed: int = 0,
        key: str | None = None,
        refusal: Answer | None = None,
        page: int = 100,
        lacks: Sequence[str] = (),
        keeps_metadata: bool = True,
        oldest_first: bool = False,
        late: int = 0,
        file_statuses: Sequence[str] = ("processed",),
        reply: Callable[[dict[str, Any]], Any] = lambda _request: "hello",
        refuses: Sequence[str] = (),
        retry_after: str = "0",
        gate: Callable[[], object] = lambda: None,
        models: Sequence[str] | None = None,
        prefix: str = "/v1",
        has_usage: bool = False,
        finish: str = "stop",
    ) -> None:
        self.stages = list(succeed() if stages is None else stages)
        self.faults, self.shares = iter(faults), shares or {}
        self.key, self.refusal, self.page, self.lacks = key, refusal, page, tuple(lacks)
        self.keeps_metadata, self.oldest_first, self.late = keeps_metadata, oldest_first, late
        self.file_statuses, self.reply, self.refuses = file_statuses, reply, tuple(refuses)
        self.retry_after, self.gate = retry_after, gate
        self.models, self.prefix, self.has_usage, self.finish = models, prefix, has_usage, finish
        self.queries: list[dict[str, str]] = []
        self.looks: list[str] = []
        """Paths of the requests for models."""
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.bodies: list[dict[str, Any]] = []
        """Bodies of the jobs that were created."""
        self.headers: list[dict[str, str]] = []
        self.chats: list[dict[str, Any]] = []
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.checkpoints: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[str] = []
        """Method and path of all requests, in the order of their arrival."""
        self.outcomes: Counter[str] = Counter()
        self._stage: Counter[str] = Counter()
        self._hidden: Counter[str] = Counter()
        self._number = 0
        self._random = random.Random(seed)
        self.lock = threading.RLock()

    def count(self, method: str, end: str) -> int:
        """Count the requests of a method whose path ends so."""
        return sum(1 for one in self.requests if one.startswith(method) and one.endswith(end))

    @property
    def url(self) -> str:
        """The base URL, with the prefix."""
        return super().url.removesuffix("/v1") + self.prefix

    def list_live(self) -> list[dict[str, Any]]:
        """List the jobs that were not cancelled."""
        return [one for one in self.jobs.values() if one["status"] != "cancelled"]

    def begin(self, method: str, path: str) -> str:
        """Note a request and give its fault, or ""."""
        with self.lock:
            if "/models" in path:
                self.looks.append(path)
                return ""
            self.requests.append(f"{method} {path}")
            fault = next(self.faults, None)
            if fault is None:
                fault = self._draw()
            self.outcomes[fault or "answered"] += 1
            return fault

    def _draw(self) -> str:
        draw = self._random.random()
        for fault, share in self.shares.items():
            if draw < share:
                return fault
            draw -= share
        return ""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        """Do what a request asks and give status and body."""
        with self.lock:
            if any(part in path for part in self.lacks):
                return _refuse(404, f"Invalid URL ({method} {path})", "invalid_request_error")
            if not path.startswith(self.prefix + "/"):
                return _refuse(404, f"Invalid URL ({method} {path})", "invalid_request_error")
            parts = path.removeprefix(self.prefix + "/").split("/")
            if parts[0] == "models":
                return self._show_models(method, path, parts[1:])
            if parts[0] == "files":
                return self._answer_files(method, parts[1:], query, body)
            if parts[:2] == ["fine_tuning", "jobs"]:
                return self._answer_jobs(method, parts[2:], query, body)
            if parts == ["chat", "completions"]:
                return self._complete(body)
            return _refuse(404, "Not found", "not_found")

    def _show_models(self, method: str, path: str, parts: list[str]) -> Answer:
        if self.models is None:
            return _refuse(404, f"Invalid URL ({method} {path})", "invalid_request_error")
        if not parts:
            return 200, {"object": "list", "data": [{"id": one, "object": "model"} for one in self.models]}
        if parts[0] not in self.models:
            return _refuse(404, f"The model '{parts[0]}' does not exist", "model_not_found")
        return 200, {"id": parts[0], "object": "model"}

    def _take_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number:06d}"

    def _answer_files(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Answer:
        if method == "POST":
            return self._add_file(body)
        if not parts:
            wanted = query.get("purpose")
            found = [one for one in self.files.values() if wanted in (None, one["purpose"])]
            return self._show_page(found[::-1], query)
        if parts[0] not in self.files:
            return _refuse(404, f"No such File object: {parts[0]}", "not_found")
        if method == "DELETE":
            del self.files[parts[0]]
            return 200, {"id": parts[0], "object": "file", "deleted": True}
        return 200, self._move_file(self.files[parts[0]])

    def _add_file(self, body: dict[str, Any]) -> Answer:
        if body.get("purpose") != "fine-tune" or "file" not in body:
            return _refuse(400, "Expected 'file' and 'purpose'", "invalid_request_error")
        name, content = body["file"]
        key = self._take_id("file")
        self.contents[key] = content
        self.files[key] = {
            "id": key,
            "object": "file",
            "bytes": len(content),
            "created_at": 1_700_000_000 + self._number,
            "filename": name,
            "purpose": "fine-tune",
            "status": self.file_statuses[0],
        }
        return 200, self.files[key]

    def _move_file(self, file: dict[str, Any]) -> dict[str, Any]:
        self._stage[file["id"]] += 1
        place = min(self._stage[file["id"]], len(self.file_statuses) - 1)
        file["status"] = self.file_statuses[place]
        return file

    def _answer_jobs(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Answer:
        if not parts:
            return self._create(body) if method == "POST" else self._list_jobs(query)
        job = self.jobs.get(parts[0])
        if job is None:
            return _refuse(404, f"Could not find fine tune: {parts[0]}", "fine_tune_not_found")
        if method == "POST":
            return self._steer(job, parts[1])
        if len(parts) == 1:
            return 200, self._move(job)
        listed = self.events if parts[1] == "events" else self.checkpoints
        found = listed[job["id"]]
        return self._show_page(found if self.oldest_first else found[::-1], query)

    def _create(self, body: dict[str, Any]) -> Answer:
        fault = self._find_fault(body)
        if self.refusal or fault:
            return self.refusal or _refuse(400, str(fault), "invalid_request_error")
        self.bodies.append(body)
        key = self._take_id("ftjob")
        self.jobs[key] = {
            "id": key,
            "object": "fine_tuning.job",
            "created_at": 1_700_000_000 + self._number,
            "error": {},
            "fine_tuned_model": None,
            "finished_at": None,
            "hyperparameters": {"n_epochs": "auto"},
            "model": body["model"],
            "organization_id": "org-1",
            "result_files": [],
            "seed": body.get("seed", 0),
            "status": "validating_files",
            "trained_tokens": None,
            "training_file": body["training_file"],
            "validation_file": body.get("validation_file"),
            "method": body["method"],
            "metadata": body.get("metadata") if self.keeps_metadata else None,
        }
        self.events[key], self.checkpoints[key] = [], []
        self._hidden[key] = self.late
        return 200, self.jobs[key]

    def _find_fault(self, body: dict[str, Any]) -> str | None:
        """Check a job's body against the published schema."""
        if set(body) - BODY_FIELDS or not isinstance(body.get("model"), str):
            return f"Unknown or missing parameters: {sorted(set(body) - BODY_FIELDS)}"
        for name in ("training_file", "validation_file"):
            if body.get(name) is not None and body[name] not in self.files:
                return f"invalid {name}: {body[name]}"
        kind = body.get("method", {}).get("type")
        if kind not in HYPERPARAMETERS or set(body["method"]) != {"type", kind}:
            return "invalid method"
        method = body["method"][kind]
        if kind == "reinforcement" and not _is_grader(method.get("grader")):
            return "invalid grader"
        if kind == "reinforcement" and body.get("validation_file") is None:
            return "validation_file is required"
        given = method.get("hyperparameters", {})
        if set(given) - HYPERPARAMETERS[kind] or not all(_is_in_range(*one) for one in given.items()):
            return f"invalid hyperparameters: {given}"
        if not isinstance(body.get("seed", 0), int) or not 1 <= len(body.get("suffix", "x")) <= 64:
            return "invalid seed or suffix"
        if not _is_metadata(body.get("metadata", {})):
            return "invalid metadata"
        files = [self.contents[body[name]] for name in ("training_file", "validation_file") if name in body]
        return next((fault for one in files if (fault := _find_row_fault(one, kind))), None)

    def _list_jobs(self, query: dict[str, str]) -> Answer:
        shown = [one for one in self.jobs.values() if not self._hidden[one["id"]]]
        if "after" not in query:
            self._hidden = Counter({key: left - 1 for key, left in self._hidden.items() if left > 1})
        return self._show_page(shown[::-1], query)

    def _steer(self, job: dict[str, Any], verb: str) -> Answer:
        status = job["status"]
        if status in FINAL:
            return _refuse(400, f"Job has already ended: {status}", "invalid_request_error")
        job["status"] = {"cancel": "cancelled", "pause": "paused", "resume": "running"}[verb]
        return 200, job

    def _move(self, job: dict[str, Any]) -> dict[str, Any]:
        """Go on by one stage, unless the job was paused or has ended."""
        if job["status"] in FINAL or (job["status"] == "paused" and self._stage[job["id"]] == 0):
            return job
        place = self._stage[job["id"]]
        if job["status"] == "paused" and self.stages[min(place, len(self.stages)) - 1].status != "paused":
            return job
        stage = self.stages[min(place, len(self.stages) - 1)]
        if place < len(self.stages):
            self._stage[job["id"]] += 1
            self._happen(job, stage)
        job["status"] = stage.status
        if stage.status == "succeeded" and "fine_tuned_model" not in stage.changes:
            job["fine_tuned_model"] = f"ft:{job['model']}:org::{job['id']}"
        job.update(stage.changes)
        return job

    def _happen(self, job: dict[str, Any], stage: Stage) -> None:
        for event in ({"message": f"The job is {stage.status}"}, *stage.events):
            self._number += 1
            self.events[job["id"]].append(
                {
                    "id": f"ftevent-{self._number:06d}",
                    "object": "fine_tuning.job.event",
                    "created_at": 1_700_000_000 + self._number // 3,
                    "level": "info",
                    "type": "message",
                    **event,
                }
            )
        for checkpoint in stage.checkpoints:
            self._number += 1
            self.checkpoints[job["id"]].append(
                {
                    "id": f"ftckpt-{self._number:06d}",
                    "object": "fine_tuning.job.checkpoint",
                    "created_at": 1_700_000_000 + self._number,
                    "fine_tuning_job_id": job["id"],
                    **checkpoint,
                }
            )

    def _show_page(self, found: list[dict[str, Any]], query: dict[str, str]) -> Answer:
        ids = [one["id"] for one in found]
        start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
        size = min(int(query.get("limit", self.page)), self.page)
        page = found[start : start + size]
        return 200, {"object": "list", "data": page, "has_more": start + size < len(found)}

    def _complete(self, body: dict[str, Any]) -> Answer:
        self.chats.append(body)
        for name in self.refuses:
            if name in body:
                return _refuse(400, f"Unsupported parameter: '{name}'", "unsupported_parameter")
        said = self.reply(body)
        if isinstance(said, tuple):
            return said
        message = said if isinstance(said, dict) else {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return 200, {
            **({"usage": usage} if self.has_usage else {}),
            "id": f"chatcmpl-{len(self.chats)}",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
        }


class _Server(LoopbackServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed in the middle of a call."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: sent apart, the body waits 40 ms for the other's receipt
    owner: FakeTraining

    def log_message(self, format: str, *args: Any) -> None:  # the base class names it so
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        fake = self.owner
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = fake.begin(method, parts.path)
        if "/models" not in parts.path:
            fake.gate()
        if fault == "dropped":
            self.close_connection = True
        elif fault == "rate_limited":
            self._send(_refuse(429, "Rate limit reached", "rate_limit"), {"Retry-After": fake.retry_after})
        elif fault == "server_error":
            self._send(_refuse(500, "The server had an error", "server_error"))
        elif fake.key is not None and self.headers.get("Authorization") != f"Bearer {fake.key}":
            sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self._send(_refuse(401, f"Incorrect API key provided: {sent}", "invalid_api_key"))
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            fake.queries.append(query)
            fake.headers.append({name.lower(): value for name, value in self.headers.items()})
            self._send(fake.answer(method, parts.path, query, self._parse(raw)), is_cut=fault == "lost")

    def _parse(self, raw: bytes) -> Any:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            return json.loads(raw) if raw else None
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
        found: dict[str, Any] = {}
        for part in message.iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            found[name] = (part.get_filename(), content) if part.get_filename() else content.decode()
        return found

    def _send(self, answer: Answer, headers: dict[str, str] | None = None, *, is_cut: bool = False) -> None:
        body = json.dumps(answer[1]).encode()
        with contextlib.suppress(ConnectionError):  # the client was killed, or waits no longer
            self.send_response(answer[0])
            for name, content in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, content)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if is_cut else body)
            self.close_connection = is_cut


def _is_grader(grader: Any, *, is_member: bool = False) -> bool:
    if not isinstance(grader, dict) or grader.get("type") not in GRADERS:
        return False
    kind = grader["type"]
    has_all = {"type", "name"} | GRADERS[kind] <= set(grader)
    has_more = set(grader) - GRADERS[kind] - MORE.get(kind, set()) - {"type", "name"}
    if not has_all or has_more or (is_member and kind == "multi"):
        return False
    return kind != "multi" or all(_is_grader(one, is_member=True) for one in grader["graders"].values())


def _is_in_range(name: str, value: Any) -> bool:
    if name == "reasoning_effort":
        return value in EFFORTS
    kind, low, high = RANGES[name]
    return value == "auto" or (isinstance(value, kind) and low <= value <= high)


def _is_metadata(metadata: Any) -> bool:
    return len(metadata) <= 16 and all(
        isinstance(value, str) and len(key) <= 64 and len(value) <= 512 for key, value in metadata.items()
    )


def _find_row_fault(content: bytes, kind: str) -> str | None:
    """Check the lines of a file: the last turn is the user's for reinforcement, else the assistant's."""
    last = "user" if kind == "reinforcement" else "assistant"
    for number, line in enumerate(content.decode().splitlines(), 1):
        row = json.loads(line)
        if not row.get("messages") or row["messages"][-1]["role"] != last:
            return f"Line {number}: the last message must be of the role {last}"
    return None


def _refuse(status: int, message: str, code: str) -> Answer:
    return status, {"error": {"message": message, "type": "error", "param": None, "code": code}}


FakeTraining.handler = _Handler
FakeTraining.server = _Server
