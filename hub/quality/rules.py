"""The rules of the quality scale, worst first. docs/plugins/quality.md shows them; a test holds it to this table.

A rule is found by the machine (`tests` of the conformance kit, or a look at the code), or claimed: only a person can
judge it, and says in the grade file what speaks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["GRADES", "RULES", "Grade", "Rule", "page"]

Grade = Literal["none", "bronze", "silver", "gold", "platinum"]
GRADES: tuple[Grade, ...] = ("none", "bronze", "silver", "gold", "platinum")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `how`: `kit` (its `tests`, as far as the plugin is asked them), `code` (a look at the package), or
    `claim`."""

    id: str
    grade: Grade
    text: str
    why: str
    how: Literal["kit", "code", "claim"]
    tests: tuple[str, ...] = ()


RULES: tuple[Rule, ...] = (
    # ── bronze: it works, and does no harm ────────────────────────────────────────────────────────────────────────
    Rule(
        id="card-and-hooks-agree",
        grade="bronze",
        text="The card says what the plugin is, and every ability has its hooks.",
        why="The hub decides by the card what it calls. What is declared and missing fails on the first day.",
        how="kit",
        tests=("test_exemptions_have_reasons", "test_the_card_says_what_it_is", "test_hooks_and_abilities_agree"),
    ),
    Rule(
        id="settings-described",
        grade="bronze",
        text="Every setting says what to fill in, and secrets are secrets.",
        why="The form is made from them, and whoever fills it in has the vendor's page open and nothing else.",
        how="kit",
        tests=("test_settings_say_what_to_fill_in",),
    ),
    Rule(
        id="tested-before-saved",
        grade="bronze",
        text="`verify` tells good settings from wrong ones and from a vendor that is down, and changes nothing.",
        why="A connection that only seems to work is found out when a member stands before a closed door.",
        how="kit",
        tests=(
            "test_verify_is_content_with_good_settings",
            "test_verify_says_that_credentials_are_wrong",
            "test_verify_outlives_an_outage",
            "test_verify_changes_nothing",
        ),
    ),
    Rule(
        id="simulator",
        grade="bronze",
        text="The vendor can be rehearsed: a simulator that repeats itself.",
        why="Tests, the demo and an integrator's first day need no account, and a failure can be shown to somebody.",
        how="kit",
        tests=("test_the_vendor_can_be_rehearsed", "test_the_simulator_repeats_itself"),
    ),
    Rule(
        id="complete-or-no-evidence",
        grade="bronze",
        text="What is read is canonical, and whatever broke off is never complete.",
        why="Half a list that passes for a whole one takes everybody's access whom the other half held.",
        how="kit",
        tests=(
            "test_a_whole_read_ends_with_one_mark",
            "test_records_are_canonical",
            "test_what_records_name_is_there",
            "test_reading_twice_says_the_same",
            "test_a_broken_off_read_is_never_complete",
            "test_a_read_changes_nothing",
            "test_a_broken_off_look_is_never_whole",
        ),
    ),
    Rule(
        id="idempotent",
        grade="bronze",
        text="Doing it twice does what doing it once does.",
        why="The hub calls again after every doubt; a second call must cost nothing.",
        how="kit",
        tests=(
            "test_openings_can_be_named",
            "test_granting_twice_is_granting_once",
            "test_what_is_granted_is_confirmed",
            "test_revoking_twice_is_success",
            "test_a_person_is_made_once",
            "test_a_class_is_made_once",
            "test_cancelling_twice_is_success",
            "test_a_seat_taken_twice_is_taken_once",
            "test_freeing_twice_is_success",
        ),
    ),
    Rule(
        id="leaves-others-alone",
        grade="bronze",
        text="What the hub did not make is never changed, adopted or removed.",
        why="Staff work in the vendor's pages too. Nobody installs a program twice that touched theirs.",
        how="kit",
        tests=(
            "test_what_others_made_is_left_alone",
            "test_people_of_others_are_left_alone",
            "test_classes_of_others_are_left_alone",
        ),
    ),
    Rule(
        id="secrets-stay-secret",
        grade="bronze",
        text="No secret and no door code in a log, an error, a check or a repr.",
        why="Logs are mailed around. A code in one opens the door for whoever reads it.",
        how="kit",
        tests=(
            "test_secrets_are_told_to_nobody",
            "test_door_codes_are_told_to_nobody",
            "test_codes_are_drawn_at_random",
        ),
    ),
    Rule(
        id="documented",
        grade="bronze",
        text="There is a page for admins that names every setting.",
        why="An admin looks for the word that the form shows.",
        how="code",
    ),
    # ── silver: it recovers by itself ─────────────────────────────────────────────────────────────────────────────
    Rule(
        id="recovers-from-outages",
        grade="silver",
        text="Outages, dropped connections, half answers and pages of HTML are tried again later.",
        why="Vendors have bad nights. A wrong word for one makes the hub wake an admin, or give up on a member.",
        how="kit",
        tests=(
            "test_an_outage_is_told_as_one",
            "test_a_page_of_html_is_no_answer",
            "test_half_an_answer_is_none",
        ),
    ),
    Rule(
        id="keeps-the-pace",
        grade="silver",
        text="A pause that the vendor asks for is kept.",
        why="Whoever goes on asking is locked out, with every door of the studio.",
        how="kit",
        tests=("test_a_pause_that_the_vendor_asks_for_is_kept",),
    ),
    Rule(
        id="asks-for-new-credentials",
        grade="silver",
        text="Refused credentials are told as something that a person has to mend.",
        why="Waiting does not bring a key back that has ended.",
        how="kit",
        tests=("test_refused_credentials_need_a_person",),
    ),
    Rule(
        id="no-doubles",
        grade="silver",
        text="Killed, cancelled or unheard at any moment, it looks before it makes anything again.",
        why="A second window, person or class is one that nobody takes back.",
        how="kit",
        tests=(
            "test_a_lost_answer_makes_no_double",
            "test_a_request_that_never_arrived_is_made_up_for",
            "test_a_cancelled_call_ends",
            "test_a_cancelled_grant_is_found_again",
            "test_nothing_is_made_while_it_is_too_early_to_tell",
            "test_a_person_whose_answer_was_lost_is_found_again",
            "test_nobody_is_made_while_it_is_too_early_to_tell",
            "test_every_person_has_an_outcome",
            "test_a_class_whose_answer_was_lost_is_found_again",
            "test_no_class_is_made_while_it_is_too_early_to_tell",
            "test_a_revoke_that_never_arrived_is_not_claimed",
        ),
    ),
    Rule(
        id="sees-what-stands",
        grade="silver",
        text="What stands at the vendor is read back as it is, and follows every change.",
        why="Written is not done. What was changed by hand, or never took effect, is only found by looking.",
        how="kit",
        tests=(
            "test_what_stands_is_observed",
            "test_looking_at_one_that_is_gone_says_so",
            "test_a_moved_end_is_brought_up_to_date",
            "test_a_changed_name_is_brought_up_to_date",
            "test_a_moved_class_is_moved",
            "test_a_cancelled_class_comes_back",
            "test_a_rider_moves_from_seat_to_seat",
            "test_a_seat_that_somebody_has_is_a_conflict",
            "test_a_seat_of_a_class_that_is_gone_is_not_found",
            "test_seats_have_ids_of_their_own",
            "test_there_are_no_results_before_the_end",
            "test_results_are_the_riders_own",
        ),
    ),
    Rule(
        id="reads-what-is-asked",
        grade="silver",
        text="A read of one kind, or of one member, gives those and concludes nothing about others.",
        why="Each part is read on a clock of its own, and again after every hint.",
        how="kit",
        tests=("test_asking_for_some_kinds_gives_those", "test_asking_for_one_member_gives_theirs"),
    ),
    Rule(
        id="unknown-words",
        grade="silver",
        text="A field or a word that nobody knows yet does no harm and opens nothing.",
        why="Vendors add them without asking, on a Friday.",
        how="kit",
        tests=("test_words_never_seen_before_do_no_harm", "test_a_word_never_seen_before_opens_nothing"),
    ),
    Rule(
        id="webhooks-authenticated",
        grade="silver",
        text="Only the vendor's own webhooks are hints, and it is subscribed to once.",
        why="The address is on the internet; whoever finds it must not make the hub work.",
        how="kit",
        tests=(
            "test_a_webhook_of_the_vendor_is_a_hint",
            "test_a_webhook_of_a_stranger_is_refused",
            "test_subscribing_again_changes_nothing",
        ),
    ),
    Rule(
        id="own-tests",
        grade="silver",
        text="What is particular to the vendor has tests of its own.",
        why="The kit knows what all vendors have in common, and nothing else.",
        how="claim",
    ),
    # ── gold: one can rely on what it says ────────────────────────────────────────────────────────────────────────
    Rule(
        id="simulator-fits-the-contract",
        grade="gold",
        text="The simulator is held to the vendor's own description of its API.",
        why="Tests on a simulator that is wrong prove that two mistakes fit each other.",
        how="claim",
        tests=("test_the_simulator_serves_what_the_contract_says",),
    ),
    Rule(
        id="evidence",
        grade="gold",
        text="Every shape and every word of the vendor says where it is known from.",
        why="When the vendor behaves otherwise, one has to know what was read and what was guessed.",
        how="claim",
    ),
    Rule(
        id="limits-documented",
        grade="gold",
        text="The page for admins says what the plugin can't do, and what to do instead.",
        why="A limit that is found by a customer costs more than one that was read.",
        how="claim",
    ),
    Rule(
        id="errors-say-what-to-do",
        grade="gold",
        text="Each error that a person has to mend says what does not work for whom and what to do next.",
        why="It stands in the inbox of somebody who does not know the vendor's API.",
        how="claim",
    ),
    # ── platinum: one would build on it ───────────────────────────────────────────────────────────────────────────
    Rule(
        id="tried-at-the-vendor",
        grade="platinum",
        text="It was tried against the real vendor, and the page says when and with what.",
        why="No description of an API is the API.",
        how="claim",
    ),
    Rule(
        id="fully-typed",
        grade="platinum",
        text="Every function of the package has types, and the package says so with `py.typed`.",
        why="A type checker finds the mistakes that no simulator has.",
        how="code",
    ),
    Rule(
        id="one-way-out",
        grade="platinum",
        text="It speaks to its vendor through the hub's client alone, and never blocks.",
        why="Pace, retries, redaction and the guard of the lane are in that client. One call that blocks stops every "
        "lane.",
        how="code",
    ),
    Rule(
        id="measured",
        grade="platinum",
        text="What a full pass costs at a thousand members was measured, and is written down.",
        why="A plugin that is quick with ten members may take an hour with a thousand.",
        how="claim",
    ),
)


def page() -> str:
    """The rules in Markdown, as docs/plugins/quality.md has them."""
    parts = []
    for grade in GRADES[1:]:
        parts.append(f"### {grade.capitalize()}\n")
        for rule in RULES:
            if rule.grade != grade:
                continue
            tests = f" Tests: {', '.join(f'`{test}`' for test in rule.tests)}." if rule.tests else ""
            parts.append(f"#### `{rule.id}`\n\n{rule.text} *{rule.how}*\n\nWhy: {rule.why}{tests}\n")
    return "\n".join(parts)
