"""Sidecars as other programs write them, made by hand: the shapes of darktable, digiKam, Lightroom and Google Takeout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "darktable": "http://darktable.sf.net/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
}


def xmp(
    *,
    rating: int | None = None,
    title: str | None = None,
    description: str | None = None,
    tags: Sequence[str] = (),
    deep_tags: Sequence[str] = (),
    label: str | None = None,
    taken: str | None = None,
    derived_from: str | None = None,
    for_extension: str | None = None,
    faces: Sequence[tuple[str, float, float, float, float]] = (),
    position: tuple[str, str] | None = None,
    creators: Sequence[str] = (),
) -> str:
    """Return a sidecar. `deep_tags` are paths with `|`; `faces` are name, centre x, centre y, width, height."""
    attributes = {
        "xmp:Rating": None if rating is None else str(rating),
        "xmp:Label": label,
        "exif:DateTimeOriginal": taken,
        "xmpMM:DerivedFrom": derived_from,
        "photoshop:SidecarForExtension": for_extension,
        "exif:GPSLatitude": position[0] if position else None,
        "exif:GPSLongitude": position[1] if position else None,
        "darktable:xmp_version": "5" if derived_from else None,
        "crs:Version": "15.4" if for_extension else None,
    }
    parts = [
        _texts("dc:title", title),
        _texts("dc:description", description),
        _list("dc:subject", "Bag", tags),
        _list("dc:creator", "Seq", creators),
        _list("lr:hierarchicalSubject", "Bag", deep_tags),
        _regions(faces),
    ]
    spaces = "".join(f" xmlns:{name}={quoteattr(uri)}" for name, uri in _NAMESPACES.items())
    told = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value is not None)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<x:xmpmeta{spaces} x:xmptk="XMP Core 4.4.0-Exiv2"><rdf:RDF><rdf:Description rdf:about=""{told}>'
        f"{''.join(parts)}</rdf:Description></rdf:RDF></x:xmpmeta>\n"
    )


def digikam(*, tags: Sequence[str], rating: int, pick: int = 0) -> str:
    """Return a sidecar as digiKam writes it: tags with `/` in a sequence of its own, the pick label apart."""
    spaces = "".join(f" xmlns:{name}={quoteattr(uri)}" for name, uri in _NAMESPACES.items())
    return (
        f"<x:xmpmeta{spaces}><rdf:RDF><rdf:Description rdf:about=''"
        f" digiKam:PickLabel='{pick}' xmp:Rating='{rating}'>{_list('digiKam:TagsList', 'Seq', tags)}"
        f"{_list('dc:subject', 'Bag', [one.rpartition('/')[2] for one in tags])}"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def takeout(title: str, taken_s: int | str, **more: object) -> str:
    """Return a JSON as Google Takeout writes it beside a photo."""
    document = {
        "title": title,
        "description": "",
        "imageViews": "3",
        "creationTime": {"timestamp": "1700000000", "formatted": "14 Nov 2023, 22:13:20 UTC"},
        "photoTakenTime": {"timestamp": str(taken_s), "formatted": "whatever"},
        "geoData": {
            "latitude": 0.0,
            "longitude": 0.0,
            "altitude": 0.0,
            "latitudeSpan": 0.0,
            "longitudeSpan": 0.0,
        },
        "url": "https://photos.google.com/photo/x",
        **more,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _texts(name: str, text: str | None) -> str:
    if text is None:
        return ""
    return f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt></{name}>'


def _list(name: str, kind: str, items: Sequence[str]) -> str:
    inside = "".join(f"<rdf:li>{escape(item)}</rdf:li>" for item in items)
    return f"<{name}><rdf:{kind}>{inside}</rdf:{kind}></{name}>" if items else ""


def _regions(faces: Sequence[tuple[str, float, float, float, float]]) -> str:
    if not faces:
        return ""
    inside = "".join(
        f'<rdf:li rdf:parseType="Resource"><mwg-rs:Name>{escape(name)}</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>'
        f'<mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}" stArea:unit="normalized"/></rdf:li>'
        for name, x, y, w, h in faces
    )
    return (
        f'<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>{inside}</rdf:Bag></mwg-rs:RegionList>'
        "</mwg-rs:Regions>"
    )
