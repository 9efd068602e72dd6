"""What is wrong with a setting."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """``rule``: what the value breaks; of a setting that is missing what it is."""

    name: str
    rule: str
    missing: bool = False

    def under(self, shown: str) -> str:
        """The problem in one line, under the name that was typed."""
        return f"{self.name} is required. {self.rule}" if self.missing else f"{shown}: {self.rule}"
