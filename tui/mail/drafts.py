"""The words of mails while somebody writes them: as they are sent now, and as they would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.notify.templates import KINDS, Template, built_in, read
from hub.notify.wording import LANGUAGES

__all__ = ["EVERY", "Drafts", "Key", "Words", "words_of"]

Key = tuple[str, str]
"""A kind of mail and a language."""

EVERY = tuple((kind, language) for language in LANGUAGES for kind in KINDS)


@dataclass(frozen=True)
class Words:
    """Subject and text as one file, and the HTML part; empty where there is none."""

    text: str
    html: str

    @property
    def template(self) -> Template:
        """As a template. Raises UserError where the file does not begin with a subject."""
        found = read(self.text, name="the text")
        return Template(found.subject, found.body, self.html if self.html.strip() else None)


def words_of(template: Template) -> Words:
    """A template as it is edited."""
    return Words(template.file, template.html or "")


class Drafts:
    """What was typed and is not saved, by kind and language."""

    def __init__(self) -> None:
        self.own: Mapping[Key, Template] = {}
        self._typed: dict[Key, Words] = {}
        self._before: dict[Key, Words] = {}
        self._dropped: dict[Key, Words] = {}

    def saved(self, key: Key) -> Words:
        """What is sent now: the studio's own words, or the built-in ones."""
        return words_of(self.own.get(key) or built_in(*key))

    def words(self, key: Key) -> Words:
        """What stands in the editor."""
        return self._typed.get(key) or self.saved(key)

    def type(self, key: Key, words: Words) -> None:
        """Something else stands in the editor."""
        if words == self.saved(key):
            self._typed.pop(key, None)
            self._before.pop(key, None)
        else:
            self._before.setdefault(key, self.saved(key))
            self._typed[key] = words

    def drop(self, key: Key | None = None) -> None:
        """Forget what was typed there; None: everywhere."""
        for one in [key] if key is not None else list(self._typed):
            if (words := self._typed.pop(one, None)) is not None:
                self._dropped[one] = words
            self._before.pop(one, None)

    def bring_back(self, key: Key) -> bool:
        """Take back what was dropped there last; False where nothing was."""
        words = self._dropped.pop(key, None)
        if words is not None:
            self.type(key, words)
        return words is not None

    def overtaken(self, key: Key) -> bool:
        """Whether somebody else saved other words since this was begun."""
        return key in self._before and self._before[key] != self.saved(key)

    def changed(self, key: Key) -> bool:
        """Whether something is not saved there."""
        return key in self._typed

    @property
    def unsaved(self) -> int:
        """How many are not saved."""
        return len(self._typed)

    def html_left_behind(self, key: Key) -> bool:
        """Whether the text is other words, and the HTML part still the built-in ones: most readers would see those."""
        words, usual = self.words(key), words_of(built_in(*key))
        return bool(usual.html) and words.html == usual.html and words.text != usual.text
