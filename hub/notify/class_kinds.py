"""The kinds of mail about classes: the summary of a ride, and accounts that were made at the tracker."""

from __future__ import annotations

from hub.notify.kinds import Kind, variable

__all__ = ["CLASS_KINDS", "SUMMARY_METRICS"]

SUMMARY_METRICS = {
    "distance": "distance_km",
    "energy": "energy_kj",
    "calories": "calories_kcal",
    "points": "points",
    "average_power": "power_avg_w",
    "max_power": "power_max_w",
    "average_speed": "speed_avg_kmh",
    "max_speed": "speed_max_kmh",
    "average_cadence": "cadence_avg_rpm",
    "max_cadence": "cadence_max_rpm",
    "average_heart_rate": "hr_avg_bpm",
    "max_heart_rate": "hr_max_bpm",
}
"""What a summary calls a metric, and its canonical name."""

_NAMES = (
    variable("member_name", "given and family name", "Anna Graf", optional=True),
    variable("given_name", "given name", "Anna", optional=True),
    variable("studio", "name of the studio", "Studio Nordlicht"),
)
_WORDS = variable(
    "words",
    "your own words, from [mail] in the studio file",
    "Please bring indoor shoes.",
    "Bitte bring Hallenschuhe mit.",
    optional=True,
)
_OR = ', or "not measured"'

_SUMMARY = (
    *_NAMES,
    variable("class_name", "name of the class", "Ride 45"),
    variable("class_time", "when it was", "Tue 24 Nov 2026, 18:00–18:45", "Di, 24. November 2026, 18:00–18:45 Uhr"),
    variable("instructor", "who gave it", "Mia Keller", optional=True),
    variable("distance", f"distance{_OR}", "24.3 km", "24,3 km", private=True),
    variable("energy", f"energy{_OR}", "512 kJ", private=True),
    variable("calories", f"calories burned{_OR}", "581 kcal", private=True),
    variable("points", f"the tracker's points for effort{_OR}", "214 points", "214 Punkte", private=True),
    variable("average_power", f"average power{_OR}", "189 W", private=True),
    variable("max_power", f"highest power{_OR}", "640 W", private=True),
    variable("average_speed", f"average speed{_OR}", "32.4 km/h", "32,4 km/h", private=True),
    variable("max_speed", f"highest speed{_OR}", "48.1 km/h", "48,1 km/h", private=True),
    variable("average_cadence", f"average cadence{_OR}", "84 rpm", private=True),
    variable("max_cadence", f"highest cadence{_OR}", "112 rpm", private=True),
    variable("average_heart_rate", f"average heart rate{_OR}", "148 bpm", private=True),
    variable("max_heart_rate", f"highest heart rate{_OR}", "176 bpm", private=True),
    variable(
        "rank",
        "place in the class by distance, of those who are shown live",
        "3 of 12",
        "3 von 12",
        optional=True,
        private=True,
    ),
    variable("page_link", "address of the member's own page", "https://hub.example/me/x7Kp", optional=True,
             secret=True),
    _WORDS,
)  # fmt: skip

_ACCOUNT = (
    *_NAMES,
    variable("tracker", "the system that shows the class on screen", "Spivi"),
    variable("login", "user name there: the e-mail address", "anna@example.org"),
    _WORDS,
)

CLASS_KINDS = (
    Kind("performance_summary", "The results of somebody's class have arrived", _SUMMARY),
    Kind("account_created_member", "A member got an account at the tracker", _ACCOUNT),
    Kind("account_created_teacher", "A teacher got an account at the tracker", _ACCOUNT),
)
