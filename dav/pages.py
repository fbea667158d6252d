"""A folder as a small page for people with a browser: no script, everything escaped, streamed."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator
from http import HTTPStatus

from dav.dates import rfc3339
from dav.paths import Target, quote_name
from dav.propfind import begun
from dav.responses import Headers, Response
from vfs.nodes import Entry

BLOCK_ENTRIES = 200
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;text-align:left}"
    "td+td,th+th{text-align:right;white-space:nowrap}tr:nth-child(even){background:#8881}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#8cf}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
_UNITS = ("B", "KB", "MB", "GB", "TB")


def listing_page(target: Target, children: Iterable[Entry]) -> Response:
    """Return the page of the folder at `target`."""
    headers: Headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", _POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "private, no-cache"),
    ]
    return Response(HTTPStatus.OK, headers, begun(_page(target, children)))


def _page(target: Target, children: Iterable[Entry]) -> Iterator[bytes]:
    yield _head(target).encode("utf-8", "replace")
    rows: list[str] = []
    for entry in children:
        rows.append(_row(target.href, entry))
        if len(rows) == BLOCK_ENTRIES:
            yield "".join(rows).encode("utf-8", "replace")
            rows.clear()
    rows.append("</table></body></html>\n")
    yield "".join(rows).encode("utf-8", "replace")


def _head(target: Target) -> str:
    title = html.escape("/".join(target.names) or "Glassine")
    crumbs = ['<a href="/">Glassine</a>']
    for depth, name in enumerate(target.names, 1):
        href = Target(target.names[:depth], has_slash=True).href
        crumbs.append(f'<a href="{href}/">{html.escape(name)}</a>')
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>'
        f'{title}</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><nav>{' / '.join(crumbs)}</nav>"
        "<table><tr><th>Name</th><th>Size</th><th>Date</th></tr>\n"
    )


def _row(base: str, entry: Entry) -> str:
    slash = "/" if entry.node.is_dir else ""
    name = html.escape(entry.name.decode("utf-8", "replace"))
    size = "" if entry.node.is_dir else _human(entry.node.size)
    day = rfc3339(entry.node.mtime_ns)[:10]
    return (
        f'<tr><td><a href="{base}/{quote_name(entry.name)}{slash}">{name}{slash}</a></td>'
        f"<td>{size}</td><td>{day}</td></tr>\n"
    )


def _human(size: int) -> str:
    value = float(size)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the last unit takes all")
