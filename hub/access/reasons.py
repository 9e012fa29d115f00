"""Why somebody has access or doesn't: one code each, a sentence, and what to do.

The texts are templates over the values of a `Reason`; nothing else in the hub words a decision about a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

__all__ = ["REASONS", "Reason", "Wording"]


@dataclass(frozen=True)
class Wording:
    """How a code reads. `good`: the person has what they should have. `short`: the same for a line that says already
    whose it is and where; empty where that is the sentence itself."""

    text: str
    fix: str = ""
    good: bool = False
    short: str = ""


REASONS: Mapping[str, Wording] = {
    "ok": Wording("{pass_name} is valid{until} and opens {opens}.", good=True),
    "changed": Wording("{pass_name} is valid{until} and opens {opens}: {what}.", good=True),
    "no_member": Wording(
        "{source} knows no member {member}.",
        "Check the number, and when {source} was last read completely.",
    ),
    "member_gone": Wording(
        "{source} no longer has this member.",
        "If that is wrong, put the member back in {source} and sync.",
    ),
    "archived": Wording("{source} has archived this member.", "Bring the member back in {source} and sync."),
    "no_pass": Wording(
        "{name} has no pass in {source}.",
        "Sell or enter a pass in {source}, then sync.",
        short="no pass in {source}",
    ),
    "pass_ended": Wording("{pass_name} ended {ended}.", "Renew it in {source}, then sync."),
    "pass_gone": Wording(
        "{source} no longer has {pass_name}.", "If that is wrong, enter the pass in {source} again and sync."
    ),
    "pass_not_started": Wording(
        "{pass_name} starts {starts}.",
        "Nothing: access comes by itself then. For access now, change its start in {source}.",
    ),
    "pass_state": Wording("{pass_name} is {state} in {source}.", "Set it to active in {source}, then sync."),
    "no_mapping": Wording(
        "No mapping row says what {pass_name} opens at {target}.",
        "Add the pass to a row under Mapping → Passes (in the studio file: [[passes]]).",
    ),
    "no_badge": Wording(
        "{name} has no badge in {source}, and {target} opens with badges only.",
        "Assign a badge in {source}, then sync.",
        short="no badge in {source}",
    ),
    "badges_unread": Wording(
        "No field for badges is set at {source}, and {target} opens with badges only.",
        'Fill in "{label}" under Vendors → {source}, More settings (in the studio file: {setting}), then sync.',
        short="No field for badges is set at {source}",
    ),
    "badge_twice": Wording(
        "Badge {badge} is entered for {others} too.", "Correct it in {source}: one badge belongs to one member."
    ),
    "opening_missing": Wording(
        "The mapping row names {opens}, which {target} does not have.",
        "`studiohub openings {target}` lists what it has: choose one in the mapping row, or create it at {target}.",
    ),
    "booking_ok": Wording("Booking {reference} of {resource}, {window}, opens {opens}{while}.", good=True),
    "community_ok": Wording("{name} belongs to {community}{until}, which opens {opens}.", good=True),
    "booking_state": Wording(
        "Booking {reference} of {resource} is {state} in {source}, and only confirmed ones open doors.",
        "Confirm it in {source}, then sync.",
    ),
    "booking_cancelled": Wording("Booking {reference} of {resource} is cancelled in {source}."),
    "booking_moved": Wording("Booking {reference} of {resource} has another time or opens other doors now."),
    "booking_handed_on": Wording("Booking {reference} is somebody else's now."),
    "booking_gone": Wording(
        "{source} no longer has booking {reference} of {resource}.",
        "If that is wrong, enter the booking in {source} again and sync.",
    ),
    "booking_anyway": Wording("Booking {reference} of {resource} needs no access of its own: {why}", good=True),
    "booking_merged": Wording(
        "One access to {opens} is for bookings {references} together: their windows touch or overlap.", good=True
    ),
    "booking_nothing": Wording(
        "Booking {reference} is of no resource, and only bookings of resources open doors.",
        "Name the resource in {source}, or give access by a pass or a community.",
    ),
    "booking_unknown": Wording("What {source} knew of booking {booking} is deleted; accesses for it are still listed."),
    "booking_times": Wording(
        "Booking {reference} of {resource} says nothing usable about its times.", "Correct it in {source}, then sync."
    ),
    "booking_unmapped": Wording(
        "No mapping row says which doors {resource} opens at {target}.",
        "Add the resource to a row under Mapping → Resources (in the studio file: [[resources]]).",
    ),
    "visit_again": Wording("{target} is told again about {opens}: {what}.", good=True),
    "visit_over": Wording("The window ended {ended}."),
    "community_over": Wording(
        "{name} no longer belongs to {community}.", "If that is wrong, correct it in {source} and sync."
    ),
    "community_unmapped": Wording(
        "No mapping row says which doors {community} opens at {target}.",
        "Add the community to a row under Mapping → Communities (in the studio file: [[communities]]).",
    ),
    "no_door_rule": Wording(
        "No booking, community or pass gives {name} {opens} at {target} any more.",
        "If that is wrong, look at the mapping rows and at the records in {source}.",
    ),
    "record_set_aside": Wording(
        "A record of this member in {source} can't be read: {what}.", "Correct it in {source}, then sync."
    ),
    "protected": Wording("{name} is on the protect list of {target}, so access is never taken away.", good=True),
    "policy_grant_only": Wording("{target} has the policy grant_only, so nothing is removed there.", good=True),
    "policy_observe": Wording(
        "{target} has the policy observe: nothing is changed there.", 'Set policy = "sync" when you trust the plan.'
    ),
    "held": Wording(
        "Held, because {count} removals at once are more than {target} allows ({limit}). {why}",
        "Look at the plan of {target}; then let it through (`studiohub approve {plan}`, or L in the terminal UI's "
        "plan), or correct {source} and sync.",
    ),
    "running_window": Wording(
        "The record vanished while its window is running; it is left to end by itself{until}.", good=True
    ),
    "in_progress": Wording(
        "{target} has been told and has yet to confirm.", "Nothing: it is looked at again by itself."
    ),
    "waits": Wording("{target} has it waiting: {error}", "{fix}"),
    "unknown": Wording(
        "The answer of {target} was lost; it is looked at before anything is repeated.",
        "`studiohub sync {target}` looks now.",
    ),
    "vendor_error": Wording("{target} could not do it: {error}", "{fix}"),
    "not_synced": Wording(
        "The records are newer than the last pass at {target}.", "`studiohub sync {target}` applies them now."
    ),
    "drift": Wording("{target} holds something else: {what}.", "`studiohub sync {target}` puts it right."),
    "disconnected": Wording("{target} is being disconnected and everything taken back."),
    "conflict": Wording("{target} has a conflict: {what}.", "{fix}"),
}


class Reason(msgspec.Struct, frozen=True, gc=False):
    """A code with the values that its sentence needs."""

    code: str
    values: dict[str, str] = {}

    @property
    def text(self) -> str:
        """The sentence."""
        return REASONS[self.code].text.format_map(_Blank(self.values))

    @property
    def short(self) -> str:
        """The same for a line that says already whose it is and where."""
        wording = REASONS[self.code]
        return (wording.short or wording.text).format_map(_Blank(self.values))

    @property
    def fix(self) -> str:
        """What to do; empty where there is nothing to do."""
        return REASONS[self.code].fix.format_map(_Blank(self.values))

    @property
    def good(self) -> bool:
        """Whether the person has what they should have."""
        return REASONS[self.code].good


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""
