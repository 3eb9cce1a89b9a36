"""What a browser is given is small and our own, and says the same in both places that know a rule."""

import re
from pathlib import Path

import pytest

from portal.assets import compact
from portal.rendering import STATIC, STYLE
from portal.words import Words
from tests.portal_world import Client, make_world

TEMPLATES = STATIC.parent / "templates"
KILO = 1000


def test_style_and_scripts_keep_their_size():
    assert [file.name for file in STATIC.glob("*.css")] == [STYLE]
    assert 0 < len(compact((STATIC / STYLE).read_text("utf-8")).encode()) < 20 * KILO
    assert 0 < sum(file.stat().st_size for file in STATIC.glob("*.js")) < 10 * KILO


def test_the_style_is_sent_compact_and_may_be_kept():
    answer = Client(make_world().app()).get(f"/static/{STYLE}?hash")
    assert answer.text == compact((STATIC / STYLE).read_text("utf-8"))
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("css", "small"),
    [
        ("a { color: red; }\n", "a{color:red}"),
        ("/* why */ a:hover > b,\nc :focus { x: calc(1px + 2px); y: 0 }", "a:hover>b,c :focus{x:calc(1px + 2px);y:0 }"),
        ("@media (max-width: 9px) { a { b: c; } }", "@media (max-width:9px){a{b:c}}"),
        ('a::before { content: "●"; }', 'a::before{content:"●"}'),
    ],
)
def test_a_style_sheet_loses_nothing_but_blanks_and_comments(css: str, small: str):
    assert compact(css) == small.replace("0 }", "0}")


@pytest.mark.parametrize("file", sorted([*TEMPLATES.glob("*.html"), *STATIC.glob("*")]), ids=lambda file: file.name)
def test_nothing_is_loaded_from_outside(file: Path):
    text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|//\w+\.\w+/", text)


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("*.html")), ids=lambda file: file.name)
def test_no_template_holds_script_or_style(file: Path):
    assert not re.search(r"<style|<script>| on\w+=| style=|javascript:", file.read_text("utf-8"))


def test_the_script_knows_every_word_for_ages_that_the_server_knows():
    from zoneinfo import ZoneInfo

    script = (STATIC / "live.js").read_text("utf-8")
    assert set(re.findall(r"words\.(\w+)", script)) == set(Words("ru", ZoneInfo("UTC")).ago_words())


def test_the_script_and_the_server_change_units_at_the_same_ages():
    script = (STATIC / "live.js").read_text("utf-8")
    assert re.findall(r"seconds < (\d+)", script) == ["5", "60", "3600", "172800", "2592000"]
