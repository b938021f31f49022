"""Try a draft of a grader on recorded answers and on cheap tricks, and say what came of it."""

import logging
from dataclasses import replace
from itertools import cycle, islice
from typing import NamedTuple

from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import read_current_records
from lucy.nodes.step import get_workflow_id
from lucy.nodes.wording import draw_bullets, draw_table, quote, show_cost, write
from lucy.tools.graders.config import GraderConfig
from lucy.tools.graders.judge_answers import estimate_judge
from lucy.tools.graders.kinds import JavascriptGrader, MultiGrader, PythonGrader, RubricGrader
from lucy.tools.graders.probe_report import ProbeReport
from lucy.tools.graders.probing import count_probes, probe_grader
from lucy.tools.graders.resources import Resources
from lucy.tools.graders.scoring import hash_grader, list_judges, open_grader
from lucy.tools.graders.text import find_reference
from lucy.tools.graders.trial import TrialReport, try_grader
from lucy.tools.graders.tricks import list_own_words
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.responses import read_recorded_response
from lucy.tools.store.artefacts import Ref, put_artefact
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench

logger = logging.getLogger(__name__)
TRIED = 5
"""Answers that a new grader is tried on."""
TRIAL_GRADINGS = TRIED * 4
"""Their gradings: the answer, the reference, nothing, and the answer anew."""


class Announced(NamedTuple):
    """What trying a grader will take."""

    sentence: str
    is_free: bool
    """No model is paid and no script is run for it."""


class Tried(NamedTuple):
    """What came of trying a grader."""

    grader: GraderConfig
    trial: TrialReport
    probe: ProbeReport
    is_on_base_model: bool
    """No record had an answer, so the base model's were graded."""


def open_resources(state: FinetuneWorkflowState, bench: Workbench) -> Resources:
    """Give what graders may use in this workflow's step Grader."""
    progress = open_progress(state, bench, "grader_config")
    return bench.make_resources(get_workflow_id(state), "grader_config", progress)


def announce_trial(state: FinetuneWorkflowState, bench: Workbench, grader: GraderConfig) -> Announced:
    """Say who judges, and what trying the grader takes when that is a model.

    A script is compiled in its confined process, and not run.

    Raises:
        GraderError: a script does not compile or cannot be confined here, or a judge model is not set.
    """
    resources = open_resources(state, bench)
    judges = list_judges(grader, resources)
    if runs_code(grader):
        with open_grader(grader, resources):
            logger.debug("The script %s can be used here", grader.name)
    if not judges:
        sentence = write("grader_config", "offline_judge") if _has_criteria(grader) else ""
        return Announced(sentence, is_free=not runs_code(grader))
    records = answered_records(read_current_records(state, bench), bench.settings.seed)
    gradings = count_probes(records, words=list_own_words(grader), seed=bench.settings.seed) + TRIAL_GRADINGS
    pairs = [(record, read_recorded_response(record)) for record in islice(cycle(records), gradings)]
    estimate = estimate_judge(grader, resources, pairs)
    sentence = write(
        "grader_config",
        "model_judge",
        model=" and ".join(judges),
        calls=estimate.calls if estimate else 0,
        cost=show_cost(estimate.cost if estimate else 0.0),
    )
    return Announced(sentence, is_free=False)


def runs_code(grader: GraderConfig) -> bool:
    """Tell whether a grader is, or holds, a script: the person looks at it before it is run."""
    return any(isinstance(one, PythonGrader | JavascriptGrader) for one in _list_members(grader))


def _has_criteria(grader: GraderConfig) -> bool:
    return any(isinstance(one, RubricGrader) for one in _list_members(grader))


def _list_members(grader: GraderConfig) -> list[GraderConfig]:
    return list(grader.graders.values()) if isinstance(grader, MultiGrader) else [grader]


def try_draft(state: FinetuneWorkflowState, bench: Workbench, grader: GraderConfig) -> Tried:
    """Try a grader on five recorded answers, then with cheap tricks."""
    records, resources = read_current_records(state, bench), open_resources(state, bench)
    answered = answered_records(records, bench.settings.seed)
    seed = bench.settings.seed
    trial = try_grader(grader, answered, resources, size=TRIED, seed=seed)
    with open_grader(grader, resources) as score_many:
        probe = probe_grader(
            score_many,
            answered,
            seed=seed,
            words=list_own_words(grader),
            progress=open_progress(state, bench, "grader_config"),
        )
    return Tried(grader, trial, probe, not has_answers(records))


def has_answers(records: list[Record]) -> bool:
    """Tell whether some record has a reply or a reference answer to try a grader on."""
    return any(read_recorded_response(record) or find_reference(record.item) for record in records)


def answered_records(records: list[Record], seed: int) -> list[Record]:
    """Give the records; if none has an answer to try a grader on, let the base model answer some."""
    if has_answers(records):
        return records
    wanted = TRIED * 8
    chosen = records[:: max(1, len(records) // wanted)][:wanted]
    answers = base_policy(records).sample_many(chosen, 1, seed=seed)
    return [
        replace(record, reply=({"role": "assistant", "content": some[0]},))
        for record, some in zip(chosen, answers, strict=True)
    ]


def keep_trial(state: FinetuneWorkflowState, bench: Workbench, tried: Tried) -> Ref:
    """Store what came of trying a grader, beside the grader and not in it."""
    body = {
        "sha": hash_grader(tried.grader),
        "trial": tried.trial.model_dump(mode="json"),
        "probe": tried.probe.model_dump(mode="json"),
    }
    return put_artefact(bench.store, get_workflow_id(state), "grader_trial", body)


def describe_trial(tried: Tried) -> str:
    """Show the samples with their scores, the tricks, and what looks wrong."""
    return write(
        "grader_config",
        "tried_on_base_model" if tried.is_on_base_model else "tried",
        table=_draw_samples(tried.trial),
        warnings=draw_bullets(f"⚠️ {warning}" for warning in tried.trial.warnings),
        tricks=_describe_probe(tried.probe),
    )


def _draw_samples(trial: TrialReport) -> str:
    rows = [
        (
            f"#{number}",
            "failed" if one.score is None else f"{one.score:.2f}",
            quote(one.response, 90),
            quote(one.reason, 110),
        )
        for number, one in enumerate(trial.samples, 1)
    ]
    return draw_table(("Sample", "Score", "Answer", "Notes"), rows)


def _describe_probe(probe: ProbeReport) -> str:
    best = next((one for one in probe.tricks if one.name == probe.best), None)
    if best is None or best.score is None or probe.honest is None:
        return write("grader_config", "tricks_untried")
    return write(
        "grader_config",
        "tricks_win" if probe.winners else "tricks_lose",
        honest=f"{probe.honest:.2f}",
        trick=best.title,
        score=f"{best.score:.2f}",
        count=len(probe.tricks),
        records=probe.records,
    )
