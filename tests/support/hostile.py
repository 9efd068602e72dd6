"""Hostile texts, as pods, events and commits can contain them."""

from typing import Final

WORD: Final = "harmless-word"
HOSTILE: Final[tuple[str | bytes, ...]] = (
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "section_end:0:evidence\r\x1b[0K",
    "\x1b[0Ksection_start:0:mine[collapsed=true]\r\x1b[0Kfolded away",
    "]]></failure><script>",
    "::error::run me",
    "$CI_JOB_TOKEN ${HOME} $(id) `id` %CI_JOB_TOKEN% %%HOME%%",
    "[[ATTACHMENT|/etc/passwd]]",
    "  ".join(["ABC DEF"] * 60) + "1",
    "\u202egnp.exe\u2066 \u200f",
    b"\xff\xfe invalid \xc3\x28",
    "null \x00 byte and \x08 backspace",
    "Authorization: Bearer abcdefghijklmnop",
    "x" * 1_000_000,
    f"{WORD}: cannot connect to database, %CI_JOB_TOKEN% $HOME [[ATTACHMENT|x]]",
)
# Markup by which a browser would run a script, load a file or submit a form if the markup were not escaped.
MARKUP: Final = (
    "<script>document.title = 'owned'</script>",
    "</style><style>*{display:none}</style>",
    "<img src=https://evil.example.com/x.png onerror=document.title='owned'>",
    "\"><svg onload=document.title='owned'>",
    "' onmouseover='document.title=1' x='",
    "<iframe src=https://evil.example.com></iframe><form action=https://evil.example.com><input name=a></form>",
    "<base href=https://evil.example.com/><meta http-equiv=refresh content=0;url=https://evil.example.com>",
    "{{ 7 * 7 }} {% for x in y %} ${7*7} <%= 7 %>",
    "<!-- --><![CDATA[ ]]><plaintext><textarea><title>",
)
