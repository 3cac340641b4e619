"""What a call cost at least and at most, what that is made of, and messages with money as exact as the ledger's."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    "ALTER TABLE ledger ADD COLUMN at_least_pico INTEGER",
    # NULL beside a cost that is not known: nothing bounds it, because the model has no price.
    "ALTER TABLE ledger ADD COLUMN at_most_pico INTEGER",
    # A call that ran, or may have run, and whose cost is not known.
    "ALTER TABLE ledger ADD COLUMN uncertain INTEGER NOT NULL DEFAULT 0 CHECK (uncertain IN (0, 1))",
    # What the cost is made of: the vendor's own words, how and with which key it was asked, each part's sum.
    "ALTER TABLE ledger ADD COLUMN service_tier TEXT",
    "ALTER TABLE ledger ADD COLUMN surcharges TEXT",
    "ALTER TABLE ledger ADD COLUMN host TEXT",
    "ALTER TABLE ledger ADD COLUMN key_mark TEXT",
    "ALTER TABLE ledger ADD COLUMN requests INTEGER",
    "ALTER TABLE ledger ADD COLUMN charged INTEGER NOT NULL DEFAULT 0 CHECK (charged IN (0, 1))",
    "ALTER TABLE ledger ADD COLUMN parts TEXT CHECK (parts IS NULL OR json_valid(parts))",
    # The sums of a job's uncertain calls, kept as they change: a job may have 100,000 of them.
    "ALTER TABLE batch_jobs ADD COLUMN uncertain_calls INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE batch_jobs ADD COLUMN uncertain_least_pico INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE batch_jobs ADD COLUMN uncertain_most_pico INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE batch_jobs ADD COLUMN unbounded_calls INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TRIGGER ledger_uncertain_of_job AFTER UPDATE OF uncertain, at_least_pico, at_most_pico ON ledger
    WHEN new.job_id IS NOT NULL AND (old.uncertain = 1 OR new.uncertain = 1)
    BEGIN
        UPDATE batch_jobs SET
            uncertain_calls = uncertain_calls + new.uncertain - old.uncertain,
            uncertain_least_pico = uncertain_least_pico
                + new.uncertain * coalesce(new.at_least_pico, 0) - old.uncertain * coalesce(old.at_least_pico, 0),
            uncertain_most_pico = uncertain_most_pico
                + new.uncertain * coalesce(new.at_most_pico, 0) - old.uncertain * coalesce(old.at_most_pico, 0),
            unbounded_calls = unbounded_calls
                + new.uncertain * (new.at_most_pico IS NULL) - old.uncertain * (old.at_most_pico IS NULL)
        WHERE id = new.job_id;
    END
    """,
    "ALTER TABLE messages ADD COLUMN cost_pico INTEGER",
    "UPDATE ledger SET at_least_pico = coalesce(cost_pico, 0), at_most_pico = coalesce(cost_pico, estimate_pico)",
    "UPDATE ledger SET at_most_pico = 0 WHERE state = 'failed'",
    "UPDATE ledger SET uncertain = 1 WHERE state IN ('settled', 'unknown') AND cost_pico IS NULL",
    "DROP INDEX ledger_by_model",
    """
    CREATE INDEX ledger_by_model ON ledger (project_id, served_model, model, state, cost_pico, prompt_total,
        out_visible, out_reasoning, uncertain, at_least_pico, at_most_pico)
    """,
    # They are few: most calls end well.
    "CREATE INDEX ledger_uncertain_by_time ON ledger (created_at) WHERE uncertain = 1",
    "CREATE INDEX ledger_uncertain_by_row ON ledger (row_id, job_id) WHERE uncertain = 1",
    "CREATE INDEX ledger_by_message ON ledger (message_id) WHERE message_id IS NOT NULL",
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
