"""How the lines of a plan are arranged: headings, many lines that say the same folded, and what of it is chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from rich.text import Text

from hub.look.plan_lines import PlanLine
from tui.dialogs.confirm import MOST_BY_QUESTION, Question
from tui.words import clean

__all__ = ["ACTS", "Rows", "arrange", "question", "shares"]

ACTS = frozenset({"create", "change", "remove"})
"""What applying a plan does; the rest of it is only told."""

MOST_DOORS = 3
"""So many are named in a question."""

MOST_ALIKE = 5
"""Where more lines of a group say the same, they are folded after the second."""


@dataclass
class Rows:
    """What stands in the table: ids in order, and what each of them is."""

    ids: list[str] = field(default_factory=list)
    headings: dict[str, tuple[str, int]] = field(default_factory=dict)
    folds: dict[str, list[PlanLine]] = field(default_factory=dict)
    lines: dict[str, PlanLine] = field(default_factory=dict)

    def of(self, row: str) -> list[PlanLine]:
        """The lines that a row stands for."""
        return [self.lines[row]] if row in self.lines else self.folds.get(row, [])

    @property
    def shown(self) -> list[PlanLine]:
        """Every line that is shown, folded ones included."""
        return [line for row in self.ids for line in self.of(row)]


def arrange(lines: Iterable[PlanLine], *, kind: str | None, text: str, unfolded: Collection[str]) -> Rows:
    """The rows for lines that are in order already. `kind` and `text` limit them; `unfolded` are folds that somebody
    opened."""
    words = text.casefold().split()
    wanted = [
        line
        for line in lines
        if (kind is None or line.action == kind)
        and all(word in f"{line.name} {line.ref} {line.group} {line.text}".casefold() for word in words)
    ]
    rows = Rows()
    for group, members in groupby(wanted, key=lambda line: line.group):
        own = list(members)
        heading = f"h:{group}"
        rows.ids.append(heading)
        rows.headings[heading] = (group, len(own))
        alike: dict[str, list[PlanLine]] = {}
        for line in own:
            alike.setdefault(f"f:{group}:{line.action}:{line.text}", []).append(line)
        for line in own:
            fold = f"f:{group}:{line.action}:{line.text}"
            same = alike[fold]
            if len(same) <= MOST_ALIKE or fold in unfolded or line in same[:2]:
                rows.ids.append(line.id)
                rows.lines[line.id] = line
            elif fold not in rows.folds:
                rows.ids.append(fold)
                rows.folds[fold] = same[2:]
    return rows


def shares(counts: Mapping[str, int], width: int) -> list[tuple[str, int]]:
    """How many cells of a bar each kind gets: at least one where there is any."""
    kinds = [(name, counts.get(name, 0)) for name in ("create", "change", "remove", "held", "blocked", "unchanged")]
    total = sum(count for _, count in kinds)
    if not total or width <= 0:
        return []
    cells = [(name, max(1, count * width // total) if count else 0) for name, count in kinds]
    over = sum(count for _, count in cells) - width
    if not over:
        return cells
    biggest = max(range(len(cells)), key=lambda place: cells[place][1])
    name, count = cells[biggest]
    cells[biggest] = (name, max(0, count - over))
    return cells


def question(lines: Sequence[PlanLine]) -> Question | None:
    """What has to be asked before these lines are applied; None where nothing is taken from anybody."""
    losing = {line.ref: line for line in lines if line.takes}
    if not losing:
        return None
    soon = {line.ref for line in lines if line.takes and line.soon is not None}
    many = len(losing)
    people = "1 person" if many == 1 else f"{many} people"
    have = "has" if len(soon) == 1 else "have"
    warning = f"{len(soon)} of them {have} a booking in the next 2 hours." if soon else ""
    first = sorted(losing.values(), key=lambda line: (line.soon is None, line.name))
    return Question(
        title=f"Remove access for {people}",
        lines=[Text.assemble("They can not open ", *_doors(lines), " as soon as this runs.")],
        people=[line.name for line in first],
        keep="keep access",
        go="remove",
        warning=warning,
        words=f"remove {many}" if many > MOST_BY_QUESTION or soon else "",
    )


def _doors(lines: Sequence[PlanLine]) -> list[tuple[str, str]]:
    """What is taken away, in words with their style; where it is, only if it is not all at one connection."""
    taken = [line for line in lines if line.takes]
    alone = f"{taken[0].target} · " if len({line.target for line in taken}) == 1 else ""
    doors = list(dict.fromkeys(clean(line.group.removeprefix(alone)) for line in taken))
    listed = [(door, "bold") for door in doors[:MOST_DOORS]]
    if len(doors) > MOST_DOORS:
        listed.append((f"{len(doors) - MOST_DOORS} more", ""))
    between = [(", ", "")] * (len(listed) - 2) + [(" or ", "")] * (len(listed) > 1)
    return [listed[0], *(part for pair in zip(between, listed[1:], strict=True) for part in pair)]
