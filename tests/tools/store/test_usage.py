import tracemalloc
from pathlib import Path

from lucy.tools.store.database import Store
from lucy.tools.store.usage import Call, add_usages, summarize_usage


def fill(store: Store, count: int) -> None:
    add_usages(
        store,
        [
            Call(
                f"model-{at % 3}", 1, "support", "chat_completions", 10, 5, 0.001, float(at % 997),
                completion_id=f"c{at}", arm="champion" if at % 2 else "challenger",
            )
            for at in range(count)
        ],
    )  # fmt: skip


def measure_peak(store: Store) -> int:
    """Give the bytes that adding up takes at most."""
    tracemalloc.start()
    summarize_usage(store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_however_many_calls_there_are_few_rows_are_read(home: Path) -> None:
    store = Store(home)
    fill(store, 100)
    summarize_usage(store)  # compiles the statements
    few = measure_peak(store)
    for start in range(3):
        with store.write() as connection:
            connection.exec_driver_sql(f"UPDATE usage SET completion_id = completion_id || '-{start}'")
        fill(store, 10_000)
    assert summarize_usage(store).total.calls == 30_100
    assert measure_peak(store) < 2 * few + 100_000
    store.close()


def test_the_sums_by_model_and_by_arm_are_those_of_all(home: Path) -> None:
    store = Store(home)
    fill(store, 1000)
    found = summarize_usage(store)
    for groups in (found.models, found.arms, found.periods):
        assert sum(one.calls for one in groups) == found.total.calls == 1000
        assert sum(one.completion_tokens for one in groups) == found.total.completion_tokens
    assert found.total.p99_ms == sorted(float(at % 997) for at in range(1000))[989]
    store.close()
