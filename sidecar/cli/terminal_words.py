"""Errors in the words of a terminal: where a window speaks of settings and lists, a command names commands (pure)."""

from __future__ import annotations

from sidecar.contract.providers import PROVIDERS

_KEEP = "Keep it with `abai keys set {name}`{variables}; with --mock none is needed."
_BUDGET = 'Raise the budget with `abai call settings:save \'{{"key": "monthlyBudgetUSD", "value": 20}}\'`'
_JOBS = "`abai jobs` lists them."
# What the sidecar says at the end of a sentence for a window, and what is said here.
IN_A_TERMINAL = {
    "Add it in the settings, then send again.": _KEEP,
    "Add it in the settings; the batch then goes on.": _KEEP,
    "Add them in the settings, then send the batch again.": "Keep each with `abai keys set NAME`.",
    "Paste it again in the settings.": "Keep it anew with `abai keys set NAME`.",
    "Paste it and save it first.": _KEEP,
    "Check it in the settings.": "`abai keys list` shows it; keep another with `abai keys set {name}`.",
    "Choose one from the list of models.": "`abai models` lists them.",
    "List the batches anew.": _JOBS,
    "Load the results again.": "`abai show JOB` lists its rows.",
    "Look for it in the list once more.": "`abai jobs` lists batches, `abai --json search WORDS` answers.",
    "Raise the budget in the settings": _BUDGET,
    "or lower the answer's maximum length": "or lower the answer's maximum length with `-o maxOutputTokens=500`",
    "or allow fewer web searches or a shorter answer": (
        'or allow fewer web searches with `abai call settings:save \'{{"key": "maxWebSearchUses", "value": 1}}\'` '
        "or a shorter answer with `-o maxOutputTokens=500`"
    ),
    "then start it again, or submit fewer rows or shorter answers": (
        "then go on with `abai resume JOB` (`abai jobs` lists it), or run fewer rows with `--first 10`"
    ),
    "then start the batch again": "then go on with `abai resume JOB` (`abai jobs` lists it)",
    "(data:restore; data:backups lists those that A-B/AI made)": (
        '(`abai call data:backups` lists those that A-B/AI made; `abai call data:restore \'{{"path": "BACKUP"}}\'` '
        "puts one in place)"
    ),
    "(data:salvage)": "(`abai call data:salvage`)",
}


def in_terminal_words(message: str, provider: str = "") -> str:
    """Return the message with what to do next as a command. `provider`: whose key, where it is about one."""
    found = [facts.key_variables for facts in PROVIDERS if facts.name == provider]
    variables = f", or put it into {' or '.join(found[0])}" if found else ""
    for said, instead in IN_A_TERMINAL.items():
        if said in message:
            message = message.replace(said, instead.format(name=provider or "PROVIDER", variables=variables))
    return message
