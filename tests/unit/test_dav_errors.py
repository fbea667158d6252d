"""The one table from our errors to HTTP status."""

from __future__ import annotations

import logging
from http import HTTPStatus

import pytest

from catalog import errors
from dav.responses import STATUS_OF, HttpError, from_ours, render

pytestmark = pytest.mark.allows_log(r"^ERROR dav\.responses: request failed")


def test_every_error_of_ours_has_a_row() -> None:
    assert set(STATUS_OF) == set(errors.all_errors())


@pytest.mark.parametrize(
    ("kind", "status"), STATUS_OF.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_each_row_is_the_answer_and_says_why(
    kind: type[errors.GlassineError], status: HTTPStatus, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        error = from_ours(kind("disk <7> is gone", hint="plug it in"))
    assert error.status is status
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        assert "disk" not in error.reason
    else:
        assert error.reason == "disk <7> is gone; plug it in"
    assert (("Retry-After", "60") in error.headers) is (status is HTTPStatus.SERVICE_UNAVAILABLE)


def test_a_subclass_without_a_row_counts_as_its_parent() -> None:
    class StillOffline(errors.VolumeOffline):
        pass

    assert from_ours(StillOffline("away")).status is HTTPStatus.SERVICE_UNAVAILABLE


def test_a_hidden_error_shows_a_mark_that_the_log_has(caplog: pytest.LogCaptureFixture) -> None:
    error = from_ours(errors.CatalogCorrupt("page 7 of /secret/path"))
    mark = error.reason.split()[-1].rstrip(".")
    assert "secret" not in error.reason
    assert mark in caplog.text
    assert "secret" in caplog.text


def test_an_error_is_xml_for_webdav_and_text_for_a_browser() -> None:
    error = HttpError(HTTPStatus.FORBIDDEN, "no <writing>", condition="propfind-finite-depth")
    xml = b"".join(render(error, as_xml=True).body)
    assert b"<D:propfind-finite-depth/>" in xml
    assert b"no &lt;writing&gt;" in xml
    assert b"no <writing>" in b"".join(render(error, as_xml=False).body)
