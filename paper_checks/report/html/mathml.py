"""TeX as MathML. What is no plain mathematics stays TeX, as text."""

from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup, escape

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot"),
    *("mstyle", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mpadded"),
    *("mtable", "mtr", "mtd", "mphantom", "mmultiscripts", "mprescripts", "none"),
}
# No links, styles or classes: TeX has commands for these too.
ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence"),
    *("form", "accent", "accentunder", "separator", "lspace", "rspace", "minsize"),
    *("maxsize", "movablelimits", "symmetric", "linethickness", "columnalign", "width"),
}
LONGEST = 4_000  # characters


def math(tex: str) -> Markup:
    """Return TeX as a displayed formula, or as text if it cannot be typeset.

    The converter lets elements and links pass that are written in the TeX itself, so
    that only elements and attributes of plain mathematics are kept.
    """
    try:
        if len(tex) > LONGEST:
            raise ValueError(f"longer than {LONGEST} characters")
        root = ElementTree.fromstring(convert(tex, display="block"))
        _refuse_others(root)
    except Exception:  # the converter raises what it likes, RecursionError too
        return Markup("<code class=tex>") + escape(tex) + Markup("</code>")
    root.set("display", "block")
    for element in root.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _refuse_others(root: ElementTree.Element) -> None:
    for element in root.iter():
        name = element.tag.removeprefix(NAMESPACE)
        if name not in ELEMENTS or not ATTRIBUTES.issuperset(element.attrib):
            raise ValueError(f"{name} with {sorted(element.attrib)} is no mathematics")
        if name == "mi" and (element.text or "").startswith("\\"):
            raise ValueError(f"{element.text} is no command that can be typeset")
