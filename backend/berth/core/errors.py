"""The one error that a user, a client of the API or an operator ever sees."""

from __future__ import annotations


class BerthError(Exception):
    """A refusal with a stable code, a sentence, and the field it is about.

    `code` is a dotted lower-case name that never changes once published ("csv.columns").
    `field` names the input at fault, None when no single field is.
    `exit_code` is the command line's exit status, `status` the HTTP status of the answer.
    `figures` go into the sentence where it names them in braces; who tells it in another language
    fills in the same. `template` is the sentence before that.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        exit_code: int = 1,
        status: int = 400,
        **figures: object,
    ) -> None:
        told = message.format(**figures) if figures else message
        super().__init__(told)
        self.code = code
        self.message = told
        self.template = message
        self.figures = figures
        self.field = field
        self.exit_code = exit_code
        self.status = status

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message

    def __repr__(self) -> str:
        return f"BerthError({self.code!r}, {self.message!r}, field={self.field!r})"
