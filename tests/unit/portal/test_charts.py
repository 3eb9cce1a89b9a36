import re
from xml.etree import ElementTree as ET

from portal.charts import Bar, lying, standing

SPACE = {"s": "http://www.w3.org/2000/svg"}
BARS = [Bar("Дневник", 10, "10"), Bar("Отметки", 5, "5"), Bar("<Журналы & прочее, очень длинное имя>", 0, "0")]


def rects(svg: str, side: str) -> list[float]:
    """Sizes of the bars."""
    return [float(value) for value in re.findall(rf'<rect [^>]*{side}="([0-9.]+)"', svg)]


def test_lying_bars_begin_at_zero_and_are_as_long_as_their_values():
    long, half, nothing = rects(lying(BARS, "т", "о"), "width")
    assert (long, nothing) == (2 * half, 0)


def test_standing_bars_are_as_high_as_their_values_and_stand_on_one_ground():
    svg = standing(BARS, "т", "о")
    heights = rects(svg, "height")
    assert heights[0] == 2 * heights[1]
    assert len({top + height for top, height in zip(rects(svg, "y"), heights, strict=True)}) == 1


def test_a_picture_names_and_describes_itself():
    for svg in (lying(BARS, "Заголовок", "О чём"), standing(BARS, "Заголовок", "О чём")):
        root = ET.fromstring(svg)  # noqa: S314  our own text
        ids = {element.get("id"): element.text for element in root.iter() if element.get("id")}
        assert root.get("role") == "img"
        assert [ids[name] for name in (root.get("aria-labelledby") or "").split()] == ["Заголовок", "О чём"]


def test_labels_are_escaped_and_cut_to_their_room():
    svg = lying(BARS, "т", "о")
    assert "&lt;Журналы &amp;" in svg
    assert "…" in svg


def test_many_days_are_labelled_every_so_manieth():
    svg = standing([Bar(str(day), 1, "1") for day in range(90)], "т", "о")
    assert svg.count("<rect") == 90
    assert svg.count("<text") <= 7


def test_no_picture_of_nothing_divides_by_zero():
    assert "<svg" in lying([], "т", "о")
    assert "<svg" in standing([Bar("x", 0, "0")], "т", "о")


def test_pictures_hold_neither_script_nor_style():
    assert "style" not in lying(BARS, "т", "о") + standing(BARS, "т", "о")
