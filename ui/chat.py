"""The chat application: the layout of the page, and what happens on a click, a message and a tick.

A page asks for news every half second while something runs and every two seconds otherwise; only what has
changed is sent. No event of the page holds a run: closing it, reloading it or opening it twice changes
nothing of the work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import gradio.themes as themes
from fastapi import FastAPI

from lucy.errors import InputError, NotFoundError
from lucy.graph.runs import Runs
from lucy.ui.desk import Desk, Opening
from lucy.ui.render import Page, draw_engine, render_page

__all__ = ["Opening", "create_page", "mount"]

BUSY_TICK = 0.5
"""Seconds between two looks for news while something runs."""
IDLE_TICK = 2.0
STYLE = Path(__file__).with_name("chat.css")
CHOOSE_FILE = "Choose a file of chat records"
PASS_CLICK = """
element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-id]');
    if (button && element.contains(button)) trigger('click', {id: button.dataset.id});
});
"""
"""One listener for all buttons inside an HTML part: which one was clicked goes along as `id`."""

SYSTEM_FONT = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "Arial",
    "sans-serif",
    "Apple Color Emoji",
    "Segoe UI Emoji",
    "Noto Color Emoji",
)
MONO_FONT = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

Updates = dict[Any, Any]
"""Component -> its new value; components that are left out stay as they are."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one page shows now; lost with the process, and then everything is sent again."""

    workflow_id: str = ""
    stamp: str = ""
    page: Page | None = None


def mount(app: FastAPI, runs: Runs, opening: Opening) -> FastAPI:
    """Serve the chat application at `/` of an application; add other routes before this."""
    return gr.mount_gradio_app(
        app,
        create_page(runs, opening),
        path="/",
        theme=make_theme(),
        css_paths=STYLE,
        footer_links=[],
        run_history=False,  # it would keep what the person typed in the browser
        show_error=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
    )


def make_theme() -> themes.Base:
    """Make a calm theme from fonts that every system has: nothing is fetched from elsewhere."""
    return themes.Soft(
        primary_hue="teal",
        neutral_hue="slate",
        font=[themes.Font(name) for name in SYSTEM_FONT],
        font_mono=[themes.Font(name) for name in MONO_FONT],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )


def create_page(runs: Runs, opening: Opening) -> gr.Blocks:
    """Lay the page out and connect it; `runs` goes on when the page is gone."""
    page = ChatPage(Desk(runs, opening))
    return page.blocks


class ChatPage:
    """The parts of the page, by name, and what happens to them."""

    def __init__(self, desk: Desk) -> None:
        """Build the page for a desk."""
        self._desk = desk
        with gr.Blocks(title="Lucy", analytics_enabled=False, fill_width=True) as self.blocks:
            self._lay_out()
            self._connect()

    def _lay_out(self) -> None:
        # The secret is fixed, else a restarted process could not read what the browser kept. It is the
        # workflow's id and nothing else.
        self._remembered = gr.BrowserState("", storage_key="lucy-workflow", secret="lucy")
        self._seen = gr.State(Seen())
        self._asked = gr.Textbox(visible="hidden", elem_id="asked")
        self._timer = gr.Timer(BUSY_TICK)
        self._header = gr.HTML(elem_id="header", apply_default_css=False)
        with gr.Row(elem_id="body"):
            with gr.Column(elem_id="left", min_width=0):
                self._lay_out_left()
            with gr.Column(elem_id="middle", min_width=0):
                self._lay_out_middle()
            with gr.Column(elem_id="right", min_width=0):
                self._picture = gr.HTML(elem_id="picture", apply_default_css=False)
        engines = self._desk.runs.bench.list_engines()
        gr.HTML(draw_engine(engines), elem_id="engine", apply_default_css=False)

    def _lay_out_left(self) -> None:
        self._tracker = gr.HTML(elem_id="tracker", js_on_load=PASS_CLICK, apply_default_css=False)
        self._workflows = gr.HTML(elem_id="workflows", js_on_load=PASS_CLICK, apply_default_css=False)
        with gr.Accordion("Start another", open=False, elem_id="another"):
            self._file = gr.UploadButton(CHOOSE_FILE, file_types=[".jsonl", ".json"], size="sm")
            self._goal = gr.Textbox(
                label="What should the model do well?",
                placeholder="Answer billing questions correctly and politely",
                lines=2,
            )
            self._begin = gr.Button("Start", variant="primary", size="sm")
            self._sample = gr.Button("Try it with sample data", size="sm")
            self._empty = gr.Button("Start without records", size="sm")

    def _lay_out_middle(self) -> None:
        self._chat = gr.Chatbot(
            elem_id="chat",
            show_label=False,
            height=None,
            sanitize_html=True,
            allow_tags=False,
            latex_delimiters=[],  # "$5 or $6" is money
            buttons=[],
            feedback_options=None,
            layout="bubble",
            group_consecutive_messages=False,
            placeholder="Lucy is opening your records …",
        )
        self._progress = gr.HTML(elem_id="progress", apply_default_css=False)
        self._choices = gr.HTML(elem_id="choices", js_on_load=PASS_CLICK, apply_default_css=False)
        with gr.Row(elem_id="typing"):
            self._box = gr.Textbox(
                show_label=False,
                label="Your message",
                placeholder="Answer, ask something, or say what to change",
                lines=1,
                max_lines=8,
                container=False,
                scale=1,
                autofocus=True,
                elem_id="box",
            )
            self._send = gr.Button("Send", variant="primary", scale=0, min_width=88)
            self._stop = gr.Button("Stop", variant="stop", scale=0, min_width=88, visible=False)

    @property
    def _parts(self) -> dict[str, Any]:
        """The components whose value is a part of the rendered page, by the part's name."""
        return {
            "header": self._header,
            "tracker": self._tracker,
            "workflows": self._workflows,
            "conversation": self._chat,
            "progress": self._progress,
            "choices": self._choices,
            "asked": self._asked,
            "picture": self._picture,
        }

    def _connect(self) -> None:
        self._on(self.blocks.load, self._load, [self._remembered])
        self._on(self._timer.tick, self._tick, [self._remembered, self._seen])
        typed = [self._remembered, self._seen, self._box, self._asked]
        self._on(self._box.submit, self._say, typed)
        self._on(self._send.click, self._say, typed)
        clicked = [self._remembered, self._seen, self._asked]
        self._on(self._choices.click, self._choose, clicked)  # pyright: ignore[reportAttributeAccessIssue]
        self._on(self._tracker.click, self._reopen, clicked)  # pyright: ignore[reportAttributeAccessIssue]
        self._on(self._workflows.click, self._switch, [self._remembered, self._seen])  # pyright: ignore[reportAttributeAccessIssue]
        self._on(self._stop.click, self._cancel, [self._remembered, self._seen])
        self._on(self._file.upload, self._name_upload, [self._file])
        self._on(
            self._begin.click, self._begin_upload, [self._remembered, self._seen, self._file, self._goal]
        )
        self._on(self._sample.click, self._begin_sample, [self._remembered, self._seen, self._goal])
        self._on(self._empty.click, self._begin_empty, [self._remembered, self._seen, self._goal])

    def _on(self, listen: Callable[..., Any], handler: Callable[..., Updates], inputs: list[Any]) -> None:
        rest = [self._remembered, self._seen, self._timer, self._stop, self._box, self._file, self._goal]
        outputs = [*self._parts.values(), *rest]
        listen(
            handler,
            inputs,
            outputs,
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )

    def _load(self, remembered: str | None, request: gr.Request) -> Updates:
        wanted = request.query_params.get("workflow")
        try:
            workflow_id = self._desk.open(remembered, wanted)
        except (InputError, NotFoundError) as error:
            gr.Warning(str(error))
            workflow_id = self._desk.open(remembered)
        return self._show(workflow_id, Seen())

    def _tick(self, workflow_id: str, seen: Seen) -> Updates:
        if not workflow_id or (seen.workflow_id, seen.stamp) == (workflow_id, self._desk.stamp(workflow_id)):
            return {self._timer: gr.skip()}
        if not seen.workflow_id:  # an open page that finds a restarted process: like loading it
            self._do(workflow_id, lambda: self._desk.switch(workflow_id))
        return self._show(workflow_id, seen)

    def _say(self, workflow_id: str, seen: Seen, text: str, asked: str) -> Updates:
        if not text.strip():
            return {self._box: gr.skip()}
        done = self._do(workflow_id, lambda: self._desk.say(workflow_id, text.strip(), asked=asked))
        return self._show(workflow_id, seen) | ({self._box: ""} if done else {})

    def _choose(self, workflow_id: str, seen: Seen, asked: str, click: gr.EventData) -> Updates:
        self._do(workflow_id, lambda: self._desk.choose(workflow_id, click.id, asked=asked))
        return self._show(workflow_id, seen)

    def _reopen(self, workflow_id: str, seen: Seen, asked: str, click: gr.EventData) -> Updates:
        self._do(workflow_id, lambda: self._desk.reopen(workflow_id, click.id, asked=asked))
        return self._show(workflow_id, seen)

    def _cancel(self, workflow_id: str, seen: Seen) -> Updates:
        self._do(workflow_id, lambda: self._desk.stop(workflow_id))
        return self._show(workflow_id, seen)

    def _switch(self, workflow_id: str, seen: Seen, click: gr.EventData) -> Updates:
        done = self._do(workflow_id, lambda: self._desk.switch(click.id))
        return self._show(done or workflow_id, seen)

    def _name_upload(self, upload: str) -> Updates:
        return {self._file: gr.update(label=Path(upload).name)}

    def _begin_upload(self, workflow_id: str, seen: Seen, upload: str | None, goal: str) -> Updates:
        if upload is None:
            gr.Warning("Choose a file of chat records first, or try it with sample data.")
            return {self._file: gr.skip()}
        return self._begin_with(workflow_id, seen, upload, goal)

    def _begin_sample(self, workflow_id: str, seen: Seen, goal: str) -> Updates:
        return self._begin_with(workflow_id, seen, None, goal)

    def _begin_empty(self, workflow_id: str, seen: Seen, goal: str) -> Updates:
        return self._begin_with(workflow_id, seen, None, goal, empty=True)

    def _begin_with(
        self, workflow_id: str, seen: Seen, upload: str | None, goal: str, *, empty: bool = False
    ) -> Updates:
        done = self._do(workflow_id, lambda: self._desk.begin(upload, goal, empty=empty))
        if not done:
            return self._show(workflow_id, seen)
        cleared = {self._file: gr.update(value=None, label=CHOOSE_FILE), self._goal: ""}
        return self._show(done, seen) | cleared

    def _do(self, workflow_id: str, action: Callable[[], str]) -> str:
        """Do what the person asked; a failure becomes a notice in the conversation and gives nothing."""
        try:
            return action()
        except Exception as error:  # noqa: BLE001  # the outermost handler of the page
            self._desk.note(workflow_id, error)
            return ""

    def _show(self, workflow_id: str, seen: Seen) -> Updates:
        """Send the parts that are not on the page yet; a workflow that was deleted gives way to another."""
        workflow_id = self._desk.find(workflow_id)
        stamp = self._desk.stamp(workflow_id)  # before the reading: what comes later is for the next tick
        view = self._desk.look(workflow_id)
        page = render_page(view)
        shown = seen.page if seen.workflow_id == workflow_id else None
        updates: Updates = {self._seen: Seen(workflow_id, stamp, page)}
        if workflow_id != seen.workflow_id:
            updates[self._remembered] = workflow_id
        for name, component in self._parts.items():
            value = getattr(page, name)
            if shown is None or getattr(shown, name) != value:
                updates[component] = value
        if shown is None or shown.can_stop != page.can_stop:
            updates[self._stop] = gr.update(visible=page.can_stop)
        if shown is None or shown.running != page.running:
            updates[self._timer] = gr.Timer(BUSY_TICK if page.running else IDLE_TICK)
        return updates
