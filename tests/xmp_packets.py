"""XMP packets written by hand: the namespaces that programs use, and the wrapper around what a test wants to say.

For tests only. A body is RDF/XML in these prefixes; nothing is escaped or checked, so that tests can say what is wrong.
"""

from __future__ import annotations

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "darktable": "http://darktable.sf.net/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0",
    "MicrosoftPhoto_1_": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "OpCamera": "http://ns.oplus.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "my": "http://example.org/mine#",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in {"rdf": RDF, **SPACES}.items())


def name(short: str) -> str:
    """Return `{namespace}title` of `dc:title`."""
    prefix, _, local = short.partition(":")
    return f"{{{SPACES[prefix]}}}{local}"


def rdf(*bodies: str, about: str = ' rdf:about=""') -> str:
    """Return a bare rdf:RDF with one rdf:Description per body."""
    inside = "".join(f"<rdf:Description{about}>{body}</rdf:Description>" for body in bodies)
    return f"<rdf:RDF {_DECLARED}>{inside}</rdf:RDF>"


def packet(*bodies: str) -> bytes:
    """Return a whole packet as Adobe writes it, padding and all."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'{rdf(*bodies)}</x:xmpmeta>\n{" " * 200}\n<?xpacket end="w"?>'
    ).encode()


def bag(property_name: str, *items: str, kind: str = "Bag") -> str:
    """Return a property that is an array of texts."""
    inside = "".join(f"<rdf:li>{item}</rdf:li>" for item in items)
    return f"<{property_name}><rdf:{kind}>{inside}</rdf:{kind}></{property_name}>"


def alternatives(property_name: str, **text_by_lang: str) -> str:
    """Return a language alternative; `x_default` stands for `x-default`, an empty text for an empty item."""
    inside = "".join(
        f'<rdf:li xml:lang="{lang.replace("_", "-")}">{text}</rdf:li>' for lang, text in text_by_lang.items()
    )
    return f"<{property_name}><rdf:Alt>{inside}</rdf:Alt></{property_name}>"
