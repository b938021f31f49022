from typing import Any

from lucy.ui.report_training import write_training
from lucy.ui.training_pictures import draw_training


def make_change(before: float, after: float, side: float = 0.05, **more: Any) -> dict[str, Any]:
    value = after - before
    difference = {"value": value, "low95": value - side, "high95": value + side}
    return {"before": before, "after": after, "difference": difference, "prompts": 9, **more}


HISTORY = [
    {"step": step, "mean_reward": 0.4 + step / 100, "validation_reward": 0.5 if step % 5 == 0 else None}
    for step in range(1, 21)
]
EXAMPLE = {
    "record_id": "r1", "kind": "gain", "prompt": "Where is <it>?", "before": "No.", "after": "It is | here.",
    "reward_before": 0.2, "reward_after": 0.9,
}  # fmt: skip
BODY: dict[str, Any] = {
    "history": HISTORY,
    "steps": 20,
    "best_step": 15,
    "comparison": {
        "sentence": "The trained model is better.",
        "reward": make_change(0.5, 0.7),
        "criteria": {"polite": make_change(0.4, 0.6)},
        "by_topic": {
            "t1": make_change(0.5, 0.9, certainly="uncertain"),
            "t2": make_change(0.6, 0.8, certainly="better"),
        },
    },
    "examples": [EXAMPLE],
    "split": {"leakage": [{"heldout_id": "r1", "train_id": "r2", "reason": "70% of the words in common"}]},
}
NAMES = {"t1": "Deliveries", "t2": "Returns", "polite": "Politeness"}


def test_the_best_checkpoint_is_marked_on_the_curve() -> None:
    drawn = draw_training(BODY, NAMES)
    assert "step 15" in drawn
    assert f'class="best" points="{300 * 14 / 19:.1f},0 {300 * 14 / 19:.1f},100"' in drawn


def test_the_rewards_that_chose_it_are_drawn_too() -> None:
    assert 'class="checked"' in draw_training(BODY, NAMES)


def test_topics_are_drawn_with_intervals_the_certain_ones_first() -> None:
    drawn = draw_training(BODY, NAMES)
    assert drawn.index("Returns") < drawn.index("Deliveries")
    assert drawn.count('class="whisker"') == 4
    assert "9 records, better: +0.20" in drawn
    assert "9 records, no certain difference: +0.40" in drawn


def test_answers_stand_side_by_side_and_are_escaped() -> None:
    drawn = draw_training(BODY, NAMES)
    assert "Where is &lt;it&gt;?" in drawn
    assert drawn.index("Before · 0.20") < drawn.index("After · 0.90")


def test_a_training_under_way_is_a_curve_alone() -> None:
    drawn = draw_training({"history": HISTORY[:4]}, NAMES)
    assert "Reward while training" in drawn
    assert "Before and after" not in drawn


def test_the_report_draws_the_same_in_text() -> None:
    page = "\n".join(write_training(BODY, NAMES))
    curve = page.split("```text\n")[1].splitlines()
    assert len(curve[0]) == 20
    assert curve[1] == f"{' ' * 14}^ step 15, the model that was kept"
    bars = [line for line in page.splitlines() if " -> " in line]
    assert [line.split("  ")[0].strip() for line in bars] == ["all", "Politeness", "Returns", "Deliveries"]
    assert all(line.index("o") < line.index("●") for line in (bar[14:] for bar in bars))
    assert "| No. | It is \\| here. |" in page
    assert "| 70% of the words in common | r1 | r2 |" in page


def test_a_long_history_fits_the_line() -> None:
    history = [{"step": step, "mean_reward": 0.5} for step in range(1, 401)]
    page = "\n".join(write_training({**BODY, "history": history, "best_step": 400}, NAMES))
    assert len(page.split("```text\n")[1].splitlines()[0]) == 40


def test_a_training_without_a_comparison_has_no_section() -> None:
    assert write_training({"history": HISTORY}, NAMES) == []
