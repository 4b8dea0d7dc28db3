"""Ranges of numbers, written as mathematics writes them: `[1, inf)`, `(0, 0.5)`."""

from typing import Any


def check(name: str, value: Any, interval: str, why: str = "") -> None:
    """Refuse a number outside an interval; of a tuple, any entry, and having none.

    Args:
        name: What the message calls the value.
        value: A number or a tuple of numbers. NaN is in no interval.
        interval: Such as `[1, inf)`; a bracket includes its end, a parenthesis not.
        why: What goes wrong outside.

    Raises:
        ValueError: It is outside. The message has the name, the interval and the value.
    """
    low, high = map(float, interval[1:-1].split(","))
    values = value if isinstance(value, tuple) else (value,)
    inside = [
        (low <= x if interval[0] == "[" else low < x)
        and (x <= high if interval[-1] == "]" else x < high)
        for x in values
    ]
    if not inside or not all(inside):
        each = "be one or more numbers in" if isinstance(value, tuple) else "be in"
        reason = f": {why}" if why else ""
        raise ValueError(f"{name} must {each} {interval}, got {value}{reason}")


def check_fields(spec: Any, **intervals: str | tuple[str, str]) -> None:
    """`check` the fields of a spec.

    Args:
        spec: With a number or a tuple of numbers in each of these fields.
        **intervals: By field; or an interval and what goes wrong outside.

    Raises:
        ValueError: A field is out of its range.
    """
    for name, entry in intervals.items():
        interval, why = (entry, "") if isinstance(entry, str) else entry
        check(name, getattr(spec, name), interval, why)
