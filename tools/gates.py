"""Hold the rules that no wording, model or tool call can pass."""

from lucy.errors import GateError


def check_training_gate(*, verdict: str | None, accepted: str, fresh: bool) -> None:
    """Let training pass only after a dry run of exactly these records and this grader.

    Args:
        verdict: Of the dry run; None when there was none.
        accepted: The person's words that accepted a WARNING; empty when there were none.
        fresh: Whether the dry run read the records and the grader as they are now.

    Raises:
        GateError: training may not start; says why and what to do.
    """
    if verdict is None:
        raise GateError("Training needs a dry run first; go to the dry run.")
    if not fresh:
        raise GateError("The records or the grader changed since the dry run; run the dry run again.")
    if verdict == "NO-GO":
        raise GateError("The dry run's verdict is NO-GO; improve the data or the grader and run it again.")
    if verdict == "WARNING" and not accepted:
        raise GateError("The dry run's verdict is WARNING; accept it in words, or run it again.")
