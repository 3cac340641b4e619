"""What one check may take. Past it the answer is kept, and told as one that could not be checked."""

from __future__ import annotations

CPU_SECONDS = 2.0
MEMORY_BYTES = 256 * 1024 * 1024
# Where the system counts no processor time, and for a machine that has none left.
WALL_SECONDS = 8.0
# For a program that a virus scanner looks at first.
START_SECONDS = 20.0
