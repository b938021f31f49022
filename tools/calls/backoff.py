"""Decide how long to wait before a call is tried again."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST = 0.5
"""Seconds before the second try, about; each further wait is twice as long."""
LONGEST = 30.0
"""Seconds that a wait of ours grows to."""
IMPATIENT = 3
"""Tries after which a server's own wish may only lengthen the wait."""
LONGEST_ASKED = 120.0
"""Seconds that a server may ask for; of one that asks for more the call is given up."""


def plan_wait(key: str, tries: int, asked: float | None = None) -> float | None:
    """Give the seconds to wait after so many tries; None when the server asks for too long a wait.

    Exponential, half of it random, seeded by the key. A server that says how long gets its wish; one that
    says so again and again waits at least as long as one that does not.
    """
    if asked is not None and asked > LONGEST_ASKED:
        return None
    own = min(LONGEST, FIRST * 2 ** (tries - 1)) * (0.5 + 0.5 * random.Random(f"{key}:{tries}").random())
    if asked is None:
        return own
    return max(asked, own) if tries >= IMPATIENT else asked


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how many seconds a server asks to wait; None when it does not say.

    `Retry-After` as seconds or as a date (RFC 9110, 10.2.3), and OpenAI's `retry-after-ms`.
    """
    milliseconds = _read_number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    seconds = _read_number(value)
    if seconds is not None:
        return seconds
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds())


def _read_number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
