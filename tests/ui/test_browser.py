"""The chat application in a real browser, against a real process with a home of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280)]

SERVER = """
import sys
from pathlib import Path
from lucy.graph.runs import Runs
from lucy.settings import load_settings
from lucy.tools.workbench import Workbench
from lucy.ui.chat import Opening, mount
from lucy.ui.server import create_app, serve

home, port, source = sys.argv[1:]
bench = Workbench(load_settings(home=Path(home), port=int(port)))
app = mount(create_app(bench), Runs(bench), Opening(source, "Answer helpfully and politely", "Shop chats"))
serve(app, "127.0.0.1", int(port), on_ready=lambda url: print(url, flush=True))
"""
QUESTIONS = {
    "Where is my parcel with order number {n}?": "It left the warehouse, the tracking page shows order {n}.",
    "I want a refund for the broken kettle from order {n}.": "Sorry! The refund for order {n} is coming.",
    "I cannot sign in, the password for account {n} is refused.": "Please reset the password of account {n}.",
}
EVIL = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
EVIL_MARKDOWN = "![x](http://example.invalid/x.png) ${document.title='pwned'} {{7*7}}"


def make_line(question: str, answer: str) -> str:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages})


def write_records(path: Path, extra: str = "") -> Path:
    lines = [
        make_line(f"{question.format(n=number)} {extra}", answer.format(n=number) + extra)
        for number in range(100, 120)
        for question, answer in QUESTIONS.items()
    ]
    path.write_text("\n".join([*lines, "this is no record", "{}"]), encoding="utf-8")
    return path


@contextmanager
def run_server(home: Path, source: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen]]:
    environment = {**os.environ, "LUCY_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment["GRADIO_TEMP_DIR"] = str(home.parent / "gradio")
    command = [sys.executable, "-c", SERVER, str(home), str(port), str(source)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate()


def chat(page: Page):
    return page.locator("#chat")


def say(page: Page, text: str) -> None:
    page.get_by_placeholder("Answer, ask something").fill(text)
    page.keyboard.press("Enter")


def see_the_topics_question(page: Page) -> None:
    expect(page.get_by_role("button", name="Use this hierarchy", exact=True)).to_be_visible()


def test_a_conversation_is_held_reloaded_and_found_again_after_a_crash(context, tmp_path):
    source = write_records(tmp_path / "chats.jsonl")
    page = context.new_page()
    with run_server(tmp_path / "home", source) as (url, _):
        page.goto(url)
        see_the_topics_question(page)
        expect(page.locator("#header")).to_contain_text("Shop chats")
        expect(page.locator("#header")).to_contain_text("60 usable records")
        expect(page.locator("#header")).to_contain_text("2 set aside")
        expect(chat(page)).to_contain_text("Shop chats")
        expect(chat(page)).to_contain_text("62 in total, 60 valid")

        page.get_by_role("button", name="Use this hierarchy", exact=True).click()
        expect(page.locator("#tracker li.done")).to_have_count(2)
        expect(page.locator("#picture")).to_contain_text("Balance")
        say(page, "skip, go on to the grader")
        grader = page.get_by_role("button", name="Use these criteria", exact=True)
        expect(grader).to_be_visible()
        expect(chat(page)).to_contain_text("skip, go on to the grader")
        expect(page.get_by_placeholder("Answer, ask something")).to_have_value("")
        said = chat(page).inner_text()

        page.reload()
        expect(grader).to_be_visible()
        assert chat(page).inner_text() == said
        port = int(url.rsplit(":", 1)[1])

    with run_server(tmp_path / "home", source, port) as (url, _):
        page.goto(url)
        expect(grader).to_be_visible()
        assert chat(page).inner_text() == said
        expect(page.locator("#workflows li")).to_have_count(1)


def test_two_tabs_on_one_workflow_see_the_same_and_either_can_answer(context, tmp_path):
    source = write_records(tmp_path / "chats.jsonl")
    with run_server(tmp_path / "home", source) as (url, _):
        first, second = context.new_page(), context.new_page()
        for page in (first, second):
            page.goto(url)
            see_the_topics_question(page)
        expect(second.locator("#workflows li")).to_have_count(1)
        first.get_by_role("button", name="Use this hierarchy", exact=True).click()
        expect(second.locator("#tracker li.done")).to_have_count(2)
        first.close()
        say(second, "skip, go on to the grader")
        expect(second.get_by_role("button", name="Use these criteria", exact=True)).to_be_visible()


def test_a_run_goes_on_when_its_tab_is_closed(context, tmp_path):
    source = write_records(tmp_path / "chats.jsonl")
    with run_server(tmp_path / "home", source) as (url, _):
        page = context.new_page()
        page.goto(url)
        expect(page.locator("#progress .progress, #choices button").first).to_be_visible()
        page.close()
        again = context.new_page()
        again.goto(url)
        see_the_topics_question(again)
        expect(again.locator("#workflows li")).to_have_count(1)


def test_texts_of_the_data_are_shown_and_never_run(context, tmp_path):
    source = write_records(tmp_path / "chats.jsonl")
    evil = write_records(tmp_path / f"evil {EVIL_MARKDOWN.split('/')[0]}.jsonl", f" {EVIL} {EVIL_MARKDOWN}")
    with run_server(tmp_path / "home", source) as (url, _):
        page = context.new_page()
        foreign: list[str] = []
        page.on("request", lambda request: foreign.append(request.url))
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(url)
        see_the_topics_question(page)
        page.get_by_role("button", name="Start another").click()
        page.locator("input[type=file]").set_input_files(evil)
        page.get_by_label("What should the model do well?").fill(f"Be kind {EVIL} {EVIL_MARKDOWN}")
        expect(page.locator("#another")).to_contain_text("evil")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#workflows li")).to_have_count(2)
        expect(page.locator("#header .goal")).to_contain_text("<script>document.title='pwned'</script>")
        see_the_topics_question(page)
        say(page, f"what about {EVIL} {EVIL_MARKDOWN}?")
        expect(chat(page).locator(".user")).to_contain_text("<script>")
        expect(page.locator("#choices button").first).to_be_visible()
        expect(page).to_have_title("Lucy")
        assert page.locator("#chat img, #chat script, #header img, #picture img").count() == 0
        assert dialogs == []
        assert [one for one in foreign if not one.startswith((url, "data:", "blob:"))] == []
        assert "pwned" not in page.evaluate("Object.keys(localStorage).join() + document.title")
        assert page.evaluate("Object.keys(localStorage)") == ["lucy-workflow"]


def test_an_address_can_name_a_workflow_and_one_that_is_not_there_does_no_harm(context, tmp_path):
    source = write_records(tmp_path / "chats.jsonl")
    with run_server(tmp_path / "home", source) as (url, _):
        page = context.new_page()
        page.goto(f"{url}/?workflow=nothing-like-this")
        see_the_topics_question(page)
        expect(page.get_by_text("There is no workflow 'nothing-like-this'")).to_be_visible()
        workflow_id = page.locator("#workflows button").get_attribute("data-id")
        page.goto(f"{url}/?workflow={workflow_id}")
        see_the_topics_question(page)
