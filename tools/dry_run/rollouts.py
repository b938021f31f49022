"""Name one graded answer: what dry run and comparison are computed from."""

from dataclasses import dataclass

from lucy.tools.vocabulary import Grade


@dataclass(frozen=True, slots=True)
class GradedRollout:
    """One answer of a model to one record's prompt, with its grade."""

    record_id: str
    family: str
    """Lineage root of the record; empty means the record stands alone."""
    topic_id: str | None
    index: int
    """Number of the answer for this record, from 0."""
    response: str
    grade: Grade

    @property
    def cluster(self) -> str:
        """Give what intervals are clustered by: the family, else the record."""
        return self.family or self.record_id
