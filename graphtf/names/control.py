"""Names of control flow, debugging and calls of Python."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
}
