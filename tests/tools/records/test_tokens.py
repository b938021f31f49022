import pytest
from hypothesis import given
from hypothesis import strategies as st

from lucy.tools.records.tokens import (
    MAX_TOKENS_PER_CHARACTER,
    MESSAGE_OVERHEAD,
    estimate_text_tokens,
    estimate_tokens,
)

# True counts by o200k_base.
COUNTED = {
    "zh": ("请告诉我如何重置密码。", 8),
    "ru": ("Здравствуйте, я не могу войти в свою учетную запись.", 13),
    "en": ("How do I change the address of an order that has already been paid for?", 16),
    "code": ("def add(left: int, right: int) -> int:\n    return left + right\n", 19),
    "ko": ("안녕하세요, 비밀번호를 재설정하고 싶습니다. 계정에 로그인할 수 없습니다.", 21),
    "numbers": ("48291 3948.22 2023-10-04 18:22:11 99821733 4412 9981-2231-4455-6677 0.00231", 44),
}


@pytest.mark.parametrize(("text", "tokens"), COUNTED.values(), ids=COUNTED.keys())
def test_the_estimate_is_near_the_true_count(text: str, tokens: int) -> None:
    assert estimate_text_tokens(text) == pytest.approx(tokens, rel=0.3)


@given(st.text())
def test_the_estimate_stays_below_the_bounds_that_are_relied_on(text: str) -> None:
    estimate = estimate_text_tokens(text)
    assert 0 <= estimate <= MAX_TOKENS_PER_CHARACTER * len(text)
    assert estimate <= len(text.encode("utf-8", "replace"))


def test_each_message_adds_its_overhead() -> None:
    assert estimate_tokens([{"role": "user", "content": ""}] * 3) == 3 * MESSAGE_OVERHEAD


def test_tool_calls_count() -> None:
    message = {"role": "assistant", "content": None}
    call = {"id": "c1", "function": {"name": "find", "arguments": '{"order": 1234}'}}
    assert estimate_tokens([{**message, "tool_calls": [call]}]) > estimate_tokens([message]) + 10


def test_no_messages_have_no_tokens() -> None:
    assert estimate_tokens([]) == 0
