"""What a kind of mail is: its name, and the variables that its templates may show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Kind", "Variable", "variable"]


@dataclass(frozen=True)
class Variable:
    """What a template may show. `optional`: it may be empty. `secret`: it opens something, so it stays out of the
    subject, which is shown in lists and on locked phones. `private`: so does what is nobody else's business."""

    name: str
    meaning: str
    samples: Mapping[str, str]
    optional: bool = False
    secret: bool = False
    private: bool = False

    @property
    def in_subject(self) -> bool:
        """Whether it may stand in the subject."""
        return not (self.secret or self.private)


@dataclass(frozen=True)
class Kind:
    """A kind of mail."""

    name: str
    title: str
    variables: tuple[Variable, ...]

    def samples(self, language: str) -> dict[str, str]:
        """Sample values, as in a preview."""
        return {variable.name: variable.samples[language] for variable in self.variables}


def variable(
    name: str,
    meaning: str,
    en: str,
    de: str | None = None,
    *,
    optional: bool = False,
    secret: bool = False,
    private: bool = False,
) -> Variable:
    """A variable with its samples; one sample does for both languages."""
    return Variable(name, meaning, {"en": en, "de": en if de is None else de}, optional, secret, private)
