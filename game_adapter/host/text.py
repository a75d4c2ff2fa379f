"""Text from outside (a plugin, a file's name, an error), made fit to be drawn, printed and stored.

A folder's name may not be UTF-8, an error's text may hold a NUL or half a surrogate pair: fonts, files and terminals
raise on those. Text is cleaned once, where it enters the host; everything behind that may rely on it.
"""

from __future__ import annotations

MAX_LENGTH = 400


def printable(value: object) -> str:
    """`str(value)` on one line, at most MAX_LENGTH characters, with "\\ufffd" for what cannot be drawn or encoded."""
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001 - the value's own code
        return f"(a {type(value).__name__} whose text raises {type(error).__name__})"
    if len(text) > MAX_LENGTH:
        text = f"{text[: MAX_LENGTH - 4]} ..."
    if text.isascii() and text.isprintable():
        return text
    spaced = " ".join(text.split())
    return "".join(character if character.isprintable() else "\ufffd" for character in spaced)


def described(error: BaseException) -> str:
    """Type and text of an error, without a full stop at the end: "ValueError: no such level"."""
    text = printable(error).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def shown(answer: object) -> str:
    """A value from outside for a sentence; nothing is called on it that could be slow, large or its own code."""
    if type(answer) is str:
        return repr(answer[:40])
    if type(answer) is float or (type(answer) is int and answer.bit_length() < 200):
        return repr(answer)
    return f"a {type(answer).__name__}"
