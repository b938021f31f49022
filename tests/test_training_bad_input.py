"""Hold what bad input does to training and serving, on every surface: one sentence, a status, no change."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import openai
import pytest
from fake_openai import FakeOpenAI
from fake_training import FakeTraining
from fake_upstream import FakeUpstream
from served import make_policy, register_model, run_app
from tests_support import approve, go_to, talk
from typer.testing import CliRunner

import lucy
from lucy.errors import InputError, LucyError, NotFoundError
from lucy.graph.runs import Event, Runs
from lucy.graph.toolbox.tools import make_tools
from lucy.settings import Settings
from lucy.tools import registry
from lucy.tools.datasets import SAMPLE_FILE, SAMPLE_GOAL
from lucy.tools.store import jobs, models
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.database import Store
from lucy.tools.workbench import Workbench
from lucy.ui.app import app
from lucy.ui.server import create_app

QUESTION: list[Any] = [{"role": "user", "content": "My invoice shows a charge twice, why is that?"}]
TOKEN = "the-right-token"
KEY = "sk-wrong-0123456789"
CHANGES_WITH_TIME = {"workflows": "updated_at"}
"""Columns that say when somebody last spoke."""


def dump(store: Store, *, without: tuple[str, ...] = ("messages",)) -> dict[str, list[str]]:
    """Read every row of the home, but for tables that the conversation itself is kept in."""
    found: dict[str, list[str]] = {}
    with store.read() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
        for table in sorted(set(tables) - set(without)):
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings()
            skipped = CHANGES_WITH_TIME.get(table)
            found[table] = sorted(
                repr({name: value for name, value in row.items() if name != skipped}) for row in rows
            )
    return found


def assert_sentence(text: str, words: str) -> None:
    """Hold that a text is one sentence in one line that says these words."""
    assert re.search(words, text), text
    assert "\n" not in text.strip(), text
    assert text.endswith("."), text
    assert not re.search(r"[.!?] [A-Z]", text), f"more than one sentence: {text}"


def read_last(events: list[Event]) -> str:
    return [event.data["text"] for event in events if event.kind == "message"][-1]


class Place(NamedTuple):
    """A home with something of everything."""

    runs: Runs
    ids: dict[str, str]
    """Ids by what the tables of this file call them."""

    @property
    def store(self) -> Store:
        return self.runs.bench.store

    def fill(self, text: str) -> str:
        return re.sub(r"<(\w+)>", lambda found: self.ids[found[1]], text)


def write_file(folder: Path, count: int) -> Path:
    lines = SAMPLE_FILE.read_text(encoding="utf-8").splitlines()[:count]
    path = folder / "small_support.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def register(bench: Workbench, name: str, weights: str, kind: Any = "retrieval") -> str:
    """Register a model and serve it under its name."""
    model_id = register_model(bench, name, weights, kind)
    registry.deploy(bench.store, model_id, 1, name=name, key=name)
    return model_id


def start(runs: Runs, source: Path) -> str:
    workflow_id = runs.create(source=str(source), goal=SAMPLE_GOAL)
    talk(runs, workflow_id)
    return workflow_id


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One workflow before its training, one trained, a job of another; a served and a deleted model."""
    folder = tmp_path_factory.mktemp("place")
    bench = Workbench(Settings(home=folder / "home"))
    runs, source = Runs(bench), write_file(folder, 120)
    before, trained = start(runs, source), start(runs, source)
    go_to(runs, before, "training")
    go_to(runs, trained, "training")
    approve(runs, trained)
    (own,) = list_jobs(bench.store)
    other = jobs.submit_job(bench.store, before, "training", {"epochs": 1})
    assert jobs.take_job(bench.store, other)
    jobs.end_job(bench.store, other, "failed", error="It was a test.")
    gone = register(bench, "gone", make_policy("blue"))
    register(bench, "served", make_policy("blue"))
    models.delete_model(bench.store, gone)
    ids = {"before": before, "trained": trained, "own": own.id, "other": other, "gone": gone}
    yield Place(runs, ids)
    runs.close()
    bench.close()


@pytest.fixture
def unchanged(place: Place) -> Iterator[None]:
    """Hold that nothing has changed when the test is over; what was said is kept, of course."""
    before = dump(place.store)
    states = {name: _describe(place, name) for name in ("before", "trained")}
    yield
    after = dump(place.store)
    assert {name: after[name] for name in after if after[name] != before[name]} == {}
    assert {name: _describe(place, name) for name in states} == states


def _describe(place: Place, name: str) -> dict[str, Any]:
    state = place.runs.read_state(place.ids[name])
    return {key: state.get(key) for key in ("step", "pending", "artefacts", "status")}


@pytest.mark.parametrize(
    ("workflow", "said", "words"),
    [
        ("before", "0 epochs", r"must be 1 to 50, not 0; 2 is"),
        ("before", "epochs: 60", r"must be 1 to 50, not 60; 2 is"),
        ("before", "split 1.0", r"between 0 and 1, not 1.0; 0.9 is"),
        ("before", "train split 0", r"between 0 and 1, not 0.0; 0.9 is"),
        ("trained", "replace nobody", r"Nothing is served as 'nobody'.*deploy it as a new endpoint"),
        ("trained", "A/B test against nobody", r"Nothing is served as 'nobody'.*deploy it as a new endpoint"),
        ("trained", "A/B test against gone", r"Nothing is served as 'gone'.*deploy it as a new endpoint"),
        ("trained", "A/B test against served with 100%", r"share 1.0 cannot be used; expected a part"),
        ("trained", "call it é", r"'é' cannot be served; expected 1 to 128 letters"),
        ("trained", "call it served", r"already serves.*choose another name"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_words_in_the_chat(place: Place, workflow: str, said: str, words: str) -> None:
    assert_sentence(read_last(talk(place.runs, place.ids[workflow], said)), words)


@pytest.mark.parametrize("workflow", ["before", "trained"])
@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [
        ("start_training", {"epochs": 0}, r"must be 1 to 50, not 0; 2 is"),
        ("start_training", {"epochs": 51}, r"must be 1 to 50, not 51; 2 is"),
        ("start_training", {"epochs": "many"}, r"'epochs'.*valid integer.*correct it and call again"),
        ("start_training", {"train_split": 1.0}, r"between 0 and 1, not 1.0; 0.9 is"),
        ("start_training", {"train_split": "nan"}, r"between 0 and 1, not nan; 0.9 is"),
        ("start_training", {"reasoning_effort": "huge"}, r"'low', 'medium' or 'high'; correct it"),
        ("start_training", {"workflow_id": "<own>"}, r"no workflow 'job-.*lucy workflows list"),
        ("check_training_status", {"workflow_id": "nobody"}, r"no workflow 'nobody'.*lucy workflows list"),
        ("check_training_status", {"job_id": "job-none"}, r"no job 'job-none'; its jobs, the newest first"),
        ("deploy_model", {"workflow_id": "nobody"}, r"no workflow 'nobody'.*lucy workflows list"),
        ("deploy_model", {"deployment_mode": "canary"}, r"'new_endpoint' or 'ab_test'; correct it"),
        ("deploy_model", {"deployment_mode": "ab_test", "share": 1}, r"less than 1; correct it"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_tool_whatever_step_is_open(
    place: Place, workflow: str, tool: str, given: dict[str, Any], words: str
) -> None:
    assert_sentence(call(place, tool, {"workflow_id": f"<{workflow}>"} | given), words)


@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [
        ("check_training_status", {"job_id": "<other>"}, r"This workflow has no job .*: <own>"),
        ("deploy_model", {"name": "two words"}, r"cannot be served; expected.*such as 'two-words'"),
        ("deploy_model", {"name": "served"}, r"already serves.*choose another name"),
        ("deploy_model", {"deployment_mode": "replace_gateway", "name": "nobody"}, r"deploy it as a new end"),
        ("deploy_model", {"deployment_mode": "ab_test", "name": "gone"}, r"'gone'.*deploy it as a new end"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_tool_after_a_training(place: Place, tool: str, given: dict[str, Any], words: str) -> None:
    said = call(place, tool, {"workflow_id": "<trained>"} | given)
    assert_sentence(said, place.fill(words))


@pytest.mark.usefixtures("unchanged")
def test_a_tool_deploys_nothing_before_a_training(place: Place) -> None:
    said = call(place, "deploy_model", {"workflow_id": "<before>"})
    assert_sentence(said, r"cannot be opened yet: first complete Training")


def call(place: Place, tool: str, given: dict[str, Any]) -> str:
    """Call a tool and give the sentence that came instead of a result."""
    filled = {name: place.fill(value) if isinstance(value, str) else value for name, value in given.items()}
    tools = {one.name: one for one in make_tools(place.runs)}
    said = tools[tool].invoke(filled)
    assert isinstance(said, str), said
    return said


@pytest.fixture(scope="module")
def url(place: Place) -> Iterator[str]:
    with run_app(create_app(place.runs.bench)) as url:
        yield url


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "models/nobody", None, 404, r"no model 'nobody'.*lucy models list"),
        ("PATCH", "models/nobody", {"name": "x"}, 404, r"no model 'nobody'.*lucy models list"),
        ("DELETE", "models/nobody", None, 404, r"no model 'nobody'.*lucy models list"),
        ("GET", "models/nobody/usage", None, 404, r"no model 'nobody'.*lucy models list"),
        ("PATCH", "models/<gone>", {"name": "x"}, 404, r"was deleted.*/api/v1/models lists"),
        ("DELETE", "models/<gone>", None, 404, r"was deleted.*/api/v1/models lists"),
        ("PATCH", "models/served", {"name": "  "}, 400, r"'name'.*expected a name"),
        ("PATCH", "models/served", {"status": "ready"}, 400, r"'status' cannot be used"),
        ("GET", "models?status=odd", None, 400, r"'status'.*'training', 'ready'"),
        ("GET", "models/served/usage?period=year", None, 400, r"'period'.*'day', 'week' or 'month'"),
        ("GET", "deployments/nobody/comparison", None, 404, r"'nobody'.*lucy models list"),
        ("GET", "deployments/served/comparison", None, 400, r"No A/B test.*start one with"),
        ("GET", "finetune/job-none/status", None, 404, r"no job 'job-none'; /api/v1/finetune lists"),
        ("GET", "finetune/job-none/events", None, 404, r"no job 'job-none'; /api/v1/finetune lists"),
        ("POST", "finetune/job-none/cancel", None, 404, r"no job 'job-none'; /api/v1/finetune lists"),
        ("POST", "finetune/<own>/cancel", None, 400, r"has ended already; its status is 'completed'"),
        ("GET", "finetune/<other>/status?workflow_id=<trained>", None, 404, r"not of the workflow.*finetune"),
        ("GET", "finetune/<other>/events?workflow_id=<trained>", None, 404, r"not of the workflow.*finetune"),
        ("POST", "finetune/<own>/cancel?workflow_id=<before>", None, 404, r"not of the workflow.*finetune"),
        ("GET", "workflows/<own>", None, 404, r"no workflow 'job-.*lucy workflows list"),
        ("POST", "finetune", {"epochs": 0}, 405, r"POST is not possible.*/docs lists what is"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_the_rest_api(
    place: Place, url: str, method: str, path: str, body: Any, status: int, words: str
) -> None:
    answer = httpx.request(method, f"{url}/api/v1/{place.fill(path)}", json=body, timeout=30)
    assert answer.status_code == status
    assert_sentence(answer.json()["error"]["message"], words)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("name", ["nobody", "gone", "<gone>"])
@pytest.mark.usefixtures("unchanged")
def test_the_gateway_for_the_official_client(place: Place, url: str, name: str, streams: bool) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model=place.fill(name), messages=QUESTION, stream=streams)
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(place.fill(name))
    assert (caught.value.status_code, caught.value.code) == (404, "model_not_found")
    assert_sentence(read_message(caught.value), r"does not exist or was deleted; /v1/models lists")


def read_message(error: openai.APIStatusError) -> str:
    body: Any = error.body
    return str(body["message"])


@pytest.mark.parametrize("given", ["", "a-wrong-one"])
def test_the_gateway_without_its_token(tmp_path: Path, given: str) -> None:
    bench = Workbench(Settings(home=tmp_path, token=TOKEN))  # pyright: ignore[reportArgumentType]
    before = dump(bench.store, without=())
    with run_app(create_app(bench)) as url:
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        answers = [
            httpx.post(f"{url}/v1/chat/completions", headers=headers, json={"model": "x"}),
            httpx.delete(f"{url}/api/v1/models/served", headers=headers),
        ]
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=given or "none", max_retries=0)
        with client, pytest.raises(openai.AuthenticationError):
            client.models.list()
    after = dump(bench.store, without=())
    bench.close()
    assert [answer.status_code for answer in answers] == [401, 401]
    for answer in answers:
        assert_sentence(answer.json()["error"]["message"], r"missing or wrong; send .*LUCY_TOKEN")
        assert TOKEN not in answer.text
    assert after == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("models show nobody", r"no model 'nobody'; `lucy models list`"),
        ("models deploy nobody --yes", r"no model 'nobody'; `lucy models list`"),
        ("models deploy <gone> --yes", r"was deleted.*`lucy models list`"),
        ("models deploy served --version 9 --yes", r"no version 9.*`lucy models list`"),
        ("models deploy served --name nobody --replace --yes", r"deploy it as a new endpoint"),
        ("models edit <gone> --name x", r"was deleted.*`lucy models list`"),
        ("models edit served", r"Nothing to change.*give --name"),
        ("models delete nobody --yes", r"no model 'nobody'; `lucy models list`"),
        ("models delete <gone> --yes", r"was deleted.*`lucy models list`"),
        ("models rollback served --yes", r"one version only; there is none"),
        ("models list --status odd", r"status 'odd' is unknown; expected one of: training"),
        ("models list --sort odd", r"order 'odd' is unknown; expected one of: created_at"),
        ("usage nobody", r"no model 'nobody'; `lucy models list`"),
        ("usage --period year", r"period 'year' is unknown; expected one of: day"),
        ("jobs show job-none", r"no job 'job-none'; `lucy jobs list`"),
        ("jobs follow job-none", r"no job 'job-none'; `lucy jobs list`"),
        ("jobs cancel job-none", r"no job 'job-none'; `lucy jobs list`"),
        ("jobs cancel <own>", r"has ended already; its status is 'completed'"),
        ("resume <own> --yes", r"no workflow 'job-.*lucy workflows list"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_the_command_line(place: Place, monkeypatch: pytest.MonkeyPatch, line: str, words: str) -> None:
    monkeypatch.setenv("LUCY_HOME", str(place.runs.bench.settings.home))
    done = CliRunner().invoke(app, place.fill(line).split(), prog_name="lucy")
    assert (done.exit_code, done.stdout) == (2, "")
    assert_sentence(done.stderr.strip(), rf"^Error: .*{words}")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("LUCY_API_KEY", "two words", r"'api_key'.*expected a key.*correct LUCY_API_KEY"),
        ("LUCY_BASE_URL", "nowhere", r"'base_url'.*expected an address.*correct LUCY_BASE_URL"),
        ("LUCY_TRAINER", "magic", r"no trainer 'magic'; set LUCY_TRAINER to one of: offline"),
    ],
)
@pytest.mark.parametrize(
    "command", [["serve", "--port", "0"], ["run", str(SAMPLE_FILE), "--goal", "Be kind"]]
)
def test_a_setting_that_cannot_be_used(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(app, command, prog_name="lucy")
    assert done.exit_code == 2
    assert_sentence(done.stderr.strip(), words)
    assert not home.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, r"^Error: The service at api.openai.com needs a key .*; set LUCY_API_KEY"),
        ({"LUCY_API_KEY": "sk-1"}, r"^Error: No base model is named .*; set LUCY_BASE_MODEL"),
        ({"LUCY_BASE_URL": "http://127.0.0.1:9/v1"}, r"^Error: No base model is named"),
    ],
)
def test_a_trainer_that_cannot_begin_is_said_before_anything_is_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], words: str
) -> None:
    monkeypatch.setenv("LUCY_TRAINER", "openai")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["run", str(SAMPLE_FILE), "--goal", "Be kind"], prog_name="lucy")
    assert (done.exit_code, done.stdout) == (2, "")
    assert_sentence(done.stderr.strip(), words)
    assert not home.exists()


OPENERS: dict[str, Callable[..., Any]] = {
    "chat": lucy.deployed_model,
    "embedding": lucy.deployed_embeddings,
}


@pytest.mark.parametrize("kind", OPENERS)
@pytest.mark.parametrize("name", ["nobody", "gone", "<gone>"])
@pytest.mark.usefixtures("unchanged")
def test_another_program(place: Place, kind: str, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        OPENERS[kind](place.fill(name), bench=place.runs.bench)
    assert_sentence(str(caught.value), r"does not exist or was deleted; .* lists|shows")


def test_another_program_that_holds_a_model_which_is_deleted_then(tmp_path: Path) -> None:
    bench = Workbench(Settings(home=tmp_path))
    model_id = register(bench, "support", make_policy("blue"))
    chat, vectors = lucy.deployed_model("support", bench=bench), lucy.deployed_embeddings(bench=bench)
    models.delete_model(bench.store, model_id)
    models.delete_model(bench.store, models.find_model(bench.store, "lucy-words").id)
    before = dump(bench.store, without=())
    for ask, words in ((chat.invoke, "'support'"), (vectors.embed_query, "'lucy-words'")):
        with pytest.raises(NotFoundError) as caught:
            ask("My invoice shows a charge twice.")
        assert_sentence(str(caught.value), rf"{words} does not exist or was deleted; ")
    assert dump(bench.store, without=()) == before
    bench.close()


def test_another_program_that_takes_one_kind_of_model_for_the_other(tmp_path: Path) -> None:
    bench = Workbench(Settings(home=tmp_path))
    register(bench, "support", make_policy("blue"))
    lucy.deployed_embeddings(bench=bench)
    words = models.find_model(bench.store, "lucy-words").id
    before = dump(bench.store, without=())
    with pytest.raises(InputError) as chat:
        lucy.deployed_model(words, bench=bench)
    with pytest.raises(InputError) as vectors:
        lucy.deployed_embeddings("support", bench=bench)
    assert_sentence(str(chat.value), r"cannot answer; use lucy.deployed_embeddings\('model-")
    assert_sentence(str(vectors.value), r"gives no vectors; use lucy.deployed_model\('support'\)")
    assert dump(bench.store, without=()) == before
    bench.close()


class Provider(NamedTuple):
    """What a service answers, and what a person reads."""

    status: int
    message: str
    reason: str
    remedy: str


PROVIDERS = [
    Provider(401, "Incorrect API key provided", "401: Incorrect API key provided", "correct LUCY_API_KEY"),
    Provider(403, "Not for your organization", "403: Not for your organization", "LUCY_API_KEY"),
    Provider(404, "The model 'tuned' does not exist", "404: The model 'tuned' does not exist", "model"),
]


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: str(one.status))
def test_a_served_model_whose_service_refuses(tmp_path: Path, provider: Provider) -> None:
    with FakeUpstream() as service:
        service.failure = (provider.status, {"error": {"message": provider.message}}, {})
        bench = Workbench(Settings(home=tmp_path, base_url=service.url, api_key=KEY))  # pyright: ignore[reportArgumentType]
        register(bench, "elsewhere", "tuned", "upstream")
        before = dump(bench.store, without=("usage",))
        refused = ask_elsewhere(bench)
        with pytest.raises(LucyError) as raised:
            lucy.deployed_model("elsewhere", bench=bench).invoke("My invoice shows a charge twice.")
        after = dump(bench.store, without=("usage",))
        bench.close()
    for said in (refused, str(raised.value)):
        assert_sentence(said, rf"{provider.reason}.*; .*{provider.remedy}")
        assert KEY not in said
    assert after == before


def test_a_served_model_whose_service_has_no_key(tmp_path: Path) -> None:
    bench = Workbench(Settings(home=tmp_path))
    register(bench, "elsewhere", "gpt-5-mini", "upstream")
    refused = ask_elsewhere(bench)
    bench.close()
    assert_sentence(refused, r"needs a key; set LUCY_API_KEY")


def ask_elsewhere(bench: Workbench) -> str:
    """Ask a model of a service that refuses, and give the sentence that the official client gets."""
    with run_app(create_app(bench)) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0)
        with client, pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="elsewhere", messages=QUESTION)
    assert caught.value.status_code == 502
    return read_message(caught.value)


KEPT = ("messages", "decisions", "workflows", "ledger")
"""What is kept of a confirmation: that it was given, and the calls that were made."""


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: str(one.status))
def test_a_language_model_whose_service_refuses(tmp_path: Path, provider: Provider) -> None:
    with FakeUpstream() as service:
        service.failure = (provider.status, {"error": {"message": provider.message}}, {})
        said, before, after = generate(tmp_path, base_url=service.url, api_key=KEY)
    assert_sentence(said, rf"{provider.reason}.*; .*(?:LUCY_API_KEY|LUCY_GENERATOR_MODEL)")
    assert KEY not in said
    assert after == before


def test_a_language_model_without_a_key(tmp_path: Path) -> None:
    said, before, after = generate(tmp_path)
    assert_sentence(said, r"needs a key.*set LUCY_API_KEY")
    assert after == before


def test_a_language_model_with_a_wrong_key(tmp_path: Path) -> None:
    with FakeOpenAI(key="the-right-one") as service:
        said, before, after = generate(tmp_path, base_url=service.url, api_key=KEY)
    assert_sentence(said, r"[Ii]ncorrect API key.*correct LUCY_API_KEY")
    assert KEY not in said
    assert after == before


def generate(folder: Path, **settings: Any) -> tuple[str, dict[str, list[str]], dict[str, list[str]]]:
    """Confirm a generation by a language model; give what was said, and the home before and after."""
    runs = Runs(Workbench(Settings(home=folder / "home", generator_model="tuned", **settings)))
    workflow_id = start(runs, write_file(folder, 60))
    talk(runs, workflow_id, "use the customer support template")
    approve(runs, workflow_id)
    talk(runs, workflow_id, "generate 6 more for Complaints")
    before = dump(runs.bench.store, without=KEPT)
    said = read_last(approve(runs, workflow_id))
    after = dump(runs.bench.store, without=KEPT)
    runs.close()
    runs.bench.close()
    return said, before, after


def make_reply() -> Callable[[dict[str, Any]], str]:
    """Give each prompt good and bad answers in turn, so that there is something to learn."""
    asked: Counter[str] = Counter()

    def reply(request: dict[str, Any]) -> str:
        said = request["messages"][-1]["content"][:200]
        asked[said] += 1
        answers = (
            "No.",
            f"I am sorry about that. Thank you for writing. About your question ({said}): please send us the "
            "order number, and as a next step we will check it and write back.",
            "I see, hello.",
            f"Thank you. {said} We will look into it and contact you; could you please tell me more?",
        )
        return answers[asked[said] % len(answers)]

    return reply


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runs, str, FakeTraining]]:
    """A workflow that is about to be trained at a service, by supervised fine-tuning."""
    folder = tmp_path_factory.mktemp("hosted")
    with FakeTraining(reply=make_reply(), key=KEY) as service:
        settings = Settings(
            home=folder / "home",
            trainer="openai",
            base_model="tuned",
            base_url=service.url,
            api_key=KEY,  # pyright: ignore[reportArgumentType]
        )
        runs = Runs(Workbench(settings))
        workflow_id = start(runs, write_file(folder, 60))
        go_to(runs, workflow_id, "coverage_generation")
        talk(runs, workflow_id, "skip")  # a record without a reply teaches nothing
        go_to(runs, workflow_id, "dry_run")
        approve(runs, workflow_id)
        talk(runs, workflow_id, {"choice": "approve"})  # the warning is accepted
        talk(runs, workflow_id, "supervised")
        yield runs, workflow_id, service
        runs.close()
        runs.bench.close()


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: str(one.status))
def test_a_training_whose_service_refuses(hosted: tuple[Runs, str, FakeTraining], provider: Provider) -> None:
    runs, workflow_id, service = hosted
    service.key = "another" if provider.status == 401 else KEY
    code = {"error": {"message": provider.message, "code": None, "type": "refused", "param": None}}
    service.refusal = None if provider.status == 401 else (provider.status, code)
    kept = ("messages", "decisions", "workflows", "jobs", "ledger", "rollouts", "grades", "answers")
    before = dump(runs.bench.store, without=kept)
    approve(runs, workflow_id)
    (job,) = list_jobs(runs.bench.store)
    assert job.status in ("failed", "interrupted")
    assert_sentence(job.error or "", rf"{provider.reason}.*: expected .*; ")
    assert KEY not in json.dumps(runs.read_state(workflow_id)["pending"])
    assert job.error in runs.read_state(workflow_id)["pending"]["question"]
    assert (service.jobs, runs.read_state(workflow_id)["step"]) == ({}, "training")
    assert dump(runs.bench.store, without=kept) == before


def test_a_dry_run_at_a_service_without_a_key(tmp_path: Path) -> None:
    runs = Runs(Workbench(Settings(home=tmp_path / "home", trainer="openai", base_model="gpt-4.1-nano")))
    workflow_id = start(runs, write_file(tmp_path, 60))
    go_to(runs, workflow_id, "dry_run")
    before = dump(runs.bench.store, without=(*KEPT, "artefacts"))
    said = read_last(approve(runs, workflow_id))
    after = dump(runs.bench.store, without=(*KEPT, "artefacts"))
    assert_sentence(said, r"needs a key.*; set LUCY_API_KEY")
    assert (after, runs.read_state(workflow_id)["step"]) == (before, "dry_run")
    runs.close()
    runs.bench.close()
