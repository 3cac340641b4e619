"""The backend of A-B/AI: JSON-RPC over standard streams in front of models, money and SQLite."""

__version__ = "0.1.0"
