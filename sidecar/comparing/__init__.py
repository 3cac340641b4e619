"""Answers beside each other: who says what, which one people like, and what that costs."""
