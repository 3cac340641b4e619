"""A job counts what was held back for a call that nothing bounds: what nobody knows the most of is not free."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    "DROP TRIGGER ledger_uncertain_of_job",
    """
    CREATE TRIGGER ledger_uncertain_of_job AFTER UPDATE OF uncertain, at_least_pico, at_most_pico ON ledger
    WHEN new.job_id IS NOT NULL AND (old.uncertain = 1 OR new.uncertain = 1)
    BEGIN
        UPDATE batch_jobs SET
            uncertain_calls = uncertain_calls + new.uncertain - old.uncertain,
            uncertain_least_pico = uncertain_least_pico
                + new.uncertain * coalesce(new.at_least_pico, 0) - old.uncertain * coalesce(old.at_least_pico, 0),
            uncertain_most_pico = uncertain_most_pico
                + new.uncertain * coalesce(new.at_most_pico, new.estimate_pico, 0)
                - old.uncertain * coalesce(old.at_most_pico, old.estimate_pico, 0),
            unbounded_calls = unbounded_calls
                + new.uncertain * (new.at_most_pico IS NULL) - old.uncertain * (old.at_most_pico IS NULL)
        WHERE id = new.job_id;
    END
    """,
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
