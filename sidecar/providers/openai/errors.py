"""Who OpenAI is, to the kernel: its errors are those of the protocol that it made (pure)."""

from __future__ import annotations

from sidecar.providers.kernel.vendor import built_in
from sidecar.providers.openai_family.errors import classify

OPENAI = built_in("openai", classify)
