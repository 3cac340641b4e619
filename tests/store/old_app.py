"""Databases as the app before the sidecar left them, good and bad."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

TABLES_WITHOUT_KEYS = """
CREATE TABLE projects (id TEXT, name TEXT, description TEXT, settings TEXT, created_at INTEGER, last_used INTEGER);
CREATE TABLE conversations (id TEXT, project_id TEXT, name TEXT, created_at INTEGER, last_used INTEGER);
CREATE TABLE messages (id TEXT, conversation_id TEXT, role TEXT, content TEXT, provider TEXT, model TEXT, cost REAL,
  tokens_in INTEGER, tokens_out INTEGER, timestamp INTEGER);
CREATE TABLE batch_jobs (id TEXT, project_id TEXT, file_name TEXT, status TEXT, total_rows INTEGER,
  completed_rows INTEGER, failed_rows INTEGER, total_cost REAL, created_at INTEGER, completed_at INTEGER);
CREATE TABLE batch_results (id TEXT, job_id TEXT, row_index INTEGER, original_data TEXT, prompt TEXT, response TEXT,
  status TEXT, cost REAL, tokens_in INTEGER, tokens_out INTEGER, latency INTEGER, error_message TEXT);
"""
TABLES = TABLES_WITHOUT_KEYS.replace("(id TEXT,", "(id TEXT PRIMARY KEY,")

GOOD_ROWS = """
INSERT INTO projects VALUES ('p1', 'First', 'About it', '{"theme":"dark"}', 1000, 5000);
INSERT INTO conversations VALUES ('c1', 'p1', 'Greetings', 1100, 4000);
INSERT INTO messages VALUES ('m1', 'c1', 'user', 'Hello', NULL, NULL, NULL, NULL, NULL, 2000);
INSERT INTO messages VALUES ('m2', 'c1', 'assistant', 'Hi, I am A', 'openai', 'gpt-4o', 0.0125, 10, 20, 2100);
INSERT INTO messages VALUES ('m3', 'c1', 'assistant', 'Hi, I am B', 'anthropic', 'claude-3', 0.0075, 11, 21, 2200);
INSERT INTO messages VALUES ('m4', 'c1', 'user', 'And now?', NULL, NULL, NULL, NULL, NULL, 3000);
INSERT INTO messages VALUES ('m5', 'c1', 'assistant', 'Now this', 'openai', 'gpt-4o', 0, 12, 22, 3100);
INSERT INTO batch_jobs VALUES ('j1', 'p1', 'rows.csv', 'completed', 2, 1, 1, 0.5, 6000, 7000);
INSERT INTO batch_results
  VALUES ('r1', 'j1', 0, '{"model":"gpt-4o","x":1}', 'Do', 'Done', 'success', 0.5, 5, 6, 70, NULL);
INSERT INTO batch_results VALUES ('r2', 'j1', 1, NULL, 'Do', NULL, 'error', NULL, NULL, NULL, 80, 'no');
INSERT INTO batch_jobs VALUES ('j2', 'p1', 'lost.csv', 'completed', 9, 9, 0, 0.25, 8000, NULL);
"""


def make(path: Path, *scripts: str) -> Path:
    with closing(sqlite3.connect(path)) as conn:
        for script in scripts:
            conn.executescript(script)
    return path
