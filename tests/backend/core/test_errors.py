"""The one error that people see."""

from berth.core.errors import BerthError


def test_an_error_carries_what_command_line_and_api_need():
    error = BerthError("csv.columns", "is missing", field="latitude", exit_code=2, status=422)
    assert (error.code, error.message, error.field) == ("csv.columns", "is missing", "latitude")
    assert (error.exit_code, error.status) == (2, 422)
    assert str(error) == "latitude: is missing"
    assert "csv.columns" in repr(error)


def test_an_error_about_no_field_shows_its_sentence_alone():
    error = BerthError("x.y", "did not work")
    assert (str(error), error.field, error.exit_code, error.status) == (
        "did not work",
        None,
        1,
        400,
    )
