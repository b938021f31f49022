"""Measure graders on public data: right above wrong, tool calls, agreement with people, cheap tricks.

Usage: python benchmarks/graders_quality.py [FOLDER]
`FOLDER` holds the public sets, default `shared/data` beside the checkout. Exits 1 when a stated bound is
missed: an AUC of 0.97 for final-number scripts with equal scores in Python and JavaScript; expected tool
calls 1, corrupted ones under 0.5; no cheap trick that pays against the offline judge. Agreement with people
has no bound. Labels score, they are never input.
"""

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from topics_quality import find_folder

from lucy.tools.graders.config import GraderConfig
from lucy.tools.graders.criteria import propose_criteria
from lucy.tools.graders.kinds import (
    JavascriptGrader,
    MultiGrader,
    PythonGrader,
    RubricGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from lucy.tools.graders.presets import make_preset
from lucy.tools.graders.probing import ProbeReport, probe_grader
from lucy.tools.graders.scoring import open_grader
from lucy.tools.graders.tool_usage import read_tools
from lucy.tools.graders.tricks import list_own_words
from lucy.tools.records.hygiene import load_records
from lucy.tools.responses import read_recorded_response, read_response, write_response
from lucy.tools.vocabulary import Record

LEAST_AUC = 0.97
GOAL = "Answer helpfully and politely, keep to what we can promise"
LABELS = ("is_correct", "model")
"""Fields of the solutions that no grader may see."""

FINAL_NUMBER_PYTHON = r"""
import re

def final(text):
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    return float(found[-1].replace(",", "")) if found else None

def grade(sample, item):
    return float(final(sample["output_text"]) == float(str(item["reference_answer"]).replace(",", "")))
"""
FINAL_NUMBER_JAVASCRIPT = r"""
function evaluate(input) {
  const found = input.response.match(/-?\d[\d,]*(?:\.\d+)?/g);
  if (!found) return 0;
  const last = Number(found[found.length - 1].replaceAll(",", ""));
  return last === Number(String(input.item.reference_answer).replaceAll(",", "")) ? 1 : 0;
}
"""
MULTI = MultiGrader(
    name="string_check and text_similarity",
    graders={
        "check": StringCheckGrader(
            name="check",
            input="{{sample.output_text}}",
            reference="A: {{item.reference_answer}}",
            operation="like",
        ),
        "similarity": TextSimilarityGrader(
            name="similarity",
            input="{{sample.output_text}}",
            reference="A: {{item.reference_answer}}",
            evaluation_metric="rouge_1",
        ),
    },
    weights={"check": 0.7, "similarity": 0.3},
)

Calls = list[dict[str, Any]]


class Agreement(NamedTuple):
    """How a judge's preferences agree with people's."""

    decided: int
    """Pairs in which people prefer one answer."""
    right: int
    """Of these, those in which the judge prefers the same."""
    all_right: float
    """Share of all pairs with the same of three verdicts: first, second, tie."""
    kappa: float
    """Cohen's kappa of the three verdicts."""


def score_all(config: GraderConfig | MultiGrader, pairs: Sequence[tuple[Record, str]]) -> list[float | None]:
    """Grade pairs with one grader."""
    with open_grader(config) as score_many:
        return [grade.score for grade in score_many(pairs)]


def measure_auc(scores: Sequence[float], is_right: Sequence[bool]) -> float:
    """Give the share of (right, wrong) pairs in the right order, a tie counting half (Mann-Whitney U)."""
    good = np.array([score for score, right in zip(scores, is_right, strict=True) if right])
    bad = np.array([score for score, right in zip(scores, is_right, strict=True) if not right])
    return float(np.mean(good[:, None] > bad) + 0.5 * np.mean(good[:, None] == bad))


def report_solutions(folder: Path) -> list[str]:
    """Print the AUC of three graders on solved maths problems; give the bounds that were missed."""
    records = load_records(folder / "graded_solutions_sample.jsonl")
    is_right = [bool(record.item["is_correct"]) for record in records]
    pairs = [(_hide_labels(record), read_recorded_response(record)) for record in records]
    print(f"Solutions: {sum(is_right)} right, {len(is_right) - sum(is_right)} wrong")
    scripts = (
        PythonGrader(name="final number in Python", source=FINAL_NUMBER_PYTHON),
        JavascriptGrader(name="final number in JavaScript", source=FINAL_NUMBER_JAVASCRIPT),
    )
    missed: list[str] = []
    scores: dict[str, list[float | None]] = {}
    for grader in (*scripts, MULTI):
        found = scores[grader.name] = score_all(grader, pairs)
        failed = found.count(None)
        auc = measure_auc([score or 0.0 for score in found], is_right)
        print(f"  {grader.name}: AUC {auc:.3f}, failed {failed}")
        if failed or (grader in scripts and auc < LEAST_AUC):
            missed.append(f"{grader.name}: AUC {auc:.3f}, failed {failed}")
    is_equal = scores[scripts[0].name] == scores[scripts[1].name]
    print(f"  Python and JavaScript give equal scores: {is_equal}")
    return missed if is_equal else [*missed, "Python and JavaScript give other scores"]


def _hide_labels(record: Record) -> Record:
    item = {name: value for name, value in record.item.items() if name not in LABELS}
    return replace(record, reply=(), item=item, metadata={})


def _rewrite(call: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**call, "function": {**call["function"], **fields}}


def _edit_arguments(
    call: dict[str, Any], edit: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Calls | None:
    edited = edit(json.loads(call["function"]["arguments"]))
    return None if edited is None else [_rewrite(call, arguments=json.dumps(edited))]


def _change_first(
    arguments: dict[str, Any], kind: type | tuple[type, ...], change: Callable[[Any], Any]
) -> dict[str, Any] | None:
    for name, value in arguments.items():
        if isinstance(value, kind) and not isinstance(value, bool):
            return arguments | {name: change(value)}
    return None


def _swap(arguments: dict[str, Any]) -> dict[str, Any] | None:
    names = list(arguments)
    if len(names) < 2 or arguments[names[0]] == arguments[names[1]]:
        return None
    return arguments | {names[0]: arguments[names[1]], names[1]: arguments[names[0]]}


def _choose_other(call: dict[str, Any], record: Record) -> Calls | None:
    names = [name for name in read_tools(record.tools) if name != call["function"]["name"]]
    return [_rewrite(call, name=names[0])] if names else None


def _drop_required(call: dict[str, Any], record: Record) -> Calls | None:
    required = read_tools(record.tools)[call["function"]["name"]].required

    def change(arguments: dict[str, Any]) -> dict[str, Any] | None:
        dropped = next((name for name in arguments if name in required), None)
        return {name: value for name, value in arguments.items() if name != dropped} if dropped else None

    return _edit_arguments(call, change)


def _choose_other_value(call: dict[str, Any], record: Record) -> Calls | None:
    """Take another of the values that the schema lists."""
    properties = read_tools(record.tools)[call["function"]["name"]].properties

    def change(arguments: dict[str, Any]) -> dict[str, Any] | None:
        for name, value in arguments.items():
            others = [other for other in properties.get(name, {}).get("enum", []) if other != value]
            if others and value in properties[name]["enum"]:
                return arguments | {name: others[0]}
        return None

    return _edit_arguments(call, change)


CORRUPTIONS: dict[str, Callable[[dict[str, Any], Record], Calls | None]] = {
    "another function": _choose_other,
    "renamed function": lambda call, _: [_rewrite(call, name=call["function"]["name"] + "_v2")],
    "dropped required argument": _drop_required,
    "changed number": lambda call, _: _edit_arguments(
        call, lambda a: _change_first(a, (int, float), lambda v: v + 1)
    ),
    "changed text": lambda call, _: _edit_arguments(
        call, lambda a: _change_first(a, str, lambda v: v + " x")
    ),
    "another listed value": _choose_other_value,
    "extra call": lambda call, _: [call, call],
    "dropped call": lambda call, _: [],
    "swapped values": lambda call, _: _edit_arguments(call, _swap),
    "broken JSON": lambda call, _: [_rewrite(call, arguments='{"a": ')],
    "empty arguments": lambda call, _: [_rewrite(call, arguments="{}")],
    "unknown argument": lambda call, _: _edit_arguments(call, lambda a: a | {"zz_unknown": 1}),
}
"""What is put in the place of the first expected call; None where it does not apply."""


def report_tool_calls(folder: Path) -> list[str]:
    """Print the scores of expected and of corrupted calls; give the bounds that were missed."""
    grader = make_preset("tool_usage", has_reference=False, has_replies=False, has_tools=True)
    records = [replace(one, metadata={}) for one in load_records(folder / "tool_calls_expected_sample.jsonl")]
    expected = score_all(grader, [(record, read_recorded_response(record)) for record in records])
    print(f"Tool calls: {len(records)} records; expected calls score 1 in {expected.count(1.0)}")
    missed = [] if expected.count(1.0) == len(records) else ["an expected call scores under 1"]
    for name, corrupt in CORRUPTIONS.items():
        pairs = [
            (record, write_response("", spoilt))
            for record in records
            if (spoilt := _corrupt(corrupt, record)) is not None
        ]
        scores = [score if score is not None else 1.0 for score in score_all(grader, pairs)]
        print(f"  {name}: {len(pairs)} records, mean {np.mean(scores):.2f}, highest {max(scores):.2f}")
        if max(scores) >= 0.5:
            missed.append(f"{name}: a corrupted call scores {max(scores):.2f}")
    return missed


def _corrupt(corrupt: Callable[[dict[str, Any], Record], Calls | None], record: Record) -> Calls | None:
    calls = read_response(read_recorded_response(record)).tool_calls
    changed = corrupt(dict(calls[0]), record)
    return None if changed is None else [*changed, *calls[1:]]


def report_agreement(folder: Path) -> None:
    """Print how far the offline judge and the length alone agree with people's preferences."""
    lines = (folder / "judge_pairs_sample.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    labels = [int(row["label"]) for row in rows]
    print(f"Preferences of people: {len(rows)} pairs, {labels.count(0)} ties")
    grader = make_preset("quality", has_reference=False, has_replies=False, has_tools=False)
    records = [Record(row["id"], ({"role": "user", "content": row["input"]},)) for row in rows]
    first, second = (
        score_all(grader, [(one, str(row[name])) for one, row in zip(records, rows, strict=True)])
        for name in ("output_1", "output_2")
    )
    judged = [(a or 0.0) - (b or 0.0) for a, b in zip(first, second, strict=True)]
    longer = [float(len(row["output_1"].split()) - len(row["output_2"].split())) for row in rows]
    for name, differences in (("offline judge, preset quality", judged), ("the longer answer", longer)):
        found = measure_agreement(differences, labels)
        low, high = compute_wilson(found.right, found.decided)
        print(
            f"  {name}: {found.right / found.decided:.3f} of {found.decided} decided pairs "
            f"({low:.3f} to {high:.3f}), {found.all_right:.3f} with ties, kappa {found.kappa:.3f}"
        )


def measure_agreement(differences: Sequence[float], labels: Sequence[int]) -> Agreement:
    """Compare preferences (first minus second score) with labels: 1 first, 2 second, 0 tie."""
    said = [1 if gap > 0 else 2 if gap < 0 else 0 for gap in differences]
    pairs = list(zip(said, labels, strict=True))
    decided = [(guess, label) for guess, label in pairs if label]
    observed = sum(guess == label for guess, label in pairs) / len(pairs)
    chance = sum(said.count(verdict) * labels.count(verdict) for verdict in (0, 1, 2)) / len(pairs) ** 2
    return Agreement(
        len(decided),
        sum(guess == label for guess, label in decided),
        observed,
        (observed - chance) / (1 - chance),
    )


def compute_wilson(hits: int, total: int) -> tuple[float, float]:
    """Give the 95% interval of a proportion (Wilson 1927)."""
    z, share = 1.959964, hits / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (centre - half) / scale, (centre + half) / scale


def report_probing(folder: Path) -> list[str]:
    """Print what cheap tricks earn from the proposed criteria, with and without the recorded reply shown."""
    samples = Path(__file__).parents[1] / "examples" / "data"
    missed: list[str] = []
    for path in (
        folder / "support_dialogues.jsonl",
        samples / "customer_support.jsonl",
        samples / "financial_assistant.jsonl",
    ):
        records = load_records(path)
        for shows_reply in (True, False):
            report = probe(records, shows_reply=shows_reply)
            place = f"{path.name}, recorded reply {'shown to the judge' if shows_reply else 'hidden'}"
            print(f"Cheap tricks on {place}: honest answers {report.honest:.2f}")
            _print_tricks(report)
            missed += [f"{place}: {name} pays" for name in report.winners]
    return missed


def probe(records: Sequence[Record], *, shows_reply: bool) -> ProbeReport:
    """Attack the criteria that are proposed for a support goal."""
    criteria = propose_criteria(GOAL, has_reference=False, has_replies=True, has_tools=False)
    grader = RubricGrader(name="Criteria", criteria=criteria)
    answers = [read_recorded_response(record) for record in records]
    asked = records if shows_reply else [replace(record, reply=()) for record in records]
    with open_grader(grader) as score_many:
        return probe_grader(score_many, asked, answers=answers, words=list_own_words(grader), size=120)


def _print_tricks(report: ProbeReport) -> None:
    for one in report.tricks:
        if one.difference is None or one.better is None:
            print(f"  {one.name:17} nothing to compare")
            continue
        gap = one.difference
        print(
            f"  {one.name:17} {one.score:.2f}  {gap.value:+.2f} ({gap.low90:+.2f} to {gap.high90:+.2f})  "
            f"higher than honest in {one.better:.0%}  {one.outcome}"
        )


def main() -> int:
    """Measure everything; give the exit code."""
    folder = find_folder()
    missed = [*report_solutions(folder), *report_tool_calls(folder)]
    report_agreement(folder)
    missed += report_probing(folder)
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
