"""Words that a person must look at before a notice is published: beginnings of words, in the network's four languages.

Articles 3 of INTERPOL's Constitution (political, military, religious, racial) and 83(1) of the Rules on the Processing
of Data (kinds of offence that no red notice is published for). A word here decides nothing: it is shown to a person,
who decides with the whole text. So the lists are short and rather take too much than too little.

Text is compared without case, accents and vowel signs; an Arabic word also with the article and what is joined to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Matter(StrEnum):
    """What a word may point to."""

    POLITICAL = "political"
    MILITARY = "military"
    RELIGIOUS = "religious"
    RACIAL = "racial"
    PRIVATE = "private"
    """Norms of behaviour or culture, family and private disputes: RPD article 83(1)(a)(i)."""


_BEGINNINGS: Final[Mapping[Matter, str]] = MappingProxyType(
    {
        Matter.POLITICAL: """
            politic politiq dissiden disident opposition oposicion opponent opposant opositor sedit sedici treason
            trahison traicion espionage espionnage espionaje coup-d'etat golpe-de-estado insurrec rebel
            election electoral eleccion dissolved-party separatis subvers propagand
            سياسي معارض خيانه تجسس انقلاب تمرد انتخاب انفصال
            """,
        Matter.MILITARY: """
            militar militair desert conscript conscrit recluta mutin war-crime army armee ejercito draft-evasion
            عسكري جيش تجنيد فرار-من-الخدمه جندي
            """,
        Matter.RELIGIOUS: """
            religio religieu blasphem blasfem apostas heres heret sacrileg proselyt proselit
            ديني تجديف رده كفر الحاد تبشير
            """,
        Matter.RACIAL: """
            racial racis raciaux ethni etnic etnia tribal tribe caste
            عنصري عرقي اثني قبلي
            """,
        Matter.PRIVATE: """
            adulter prostitut homosex honour-crime child-custody garde-d'enfant custodia-del debt dette deuda cheque
            bad-check inheritance herencia divorc defam difam insult injuria alimony pension-alimentaire
            زنا شيك حضانه ميراث طلاق تشهير نفقه
            """,
    }
)
_JOINED: Final = "(?:[وف]?(?:[بكل]?ال|لل|[بكل])?)"
"""What Arabic writes together with the word that follows."""


_LETTERS: Final = str.maketrans("ةىأإ", "هياا", "ـ")  # Arabic letters that are written for one another


def _folded(text: str) -> str:
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    return plain.translate(_LETTERS)


def _pattern(beginnings: str) -> re.Pattern[str]:
    stems = [re.escape(_folded(stem)).replace(r"\-", r"[\s-]+") for stem in beginnings.split()]
    return re.compile(rf"\b{_JOINED}?(?:{'|'.join(stems)})\w*")


_PATTERNS: Final = MappingProxyType({matter: _pattern(beginnings) for matter, beginnings in _BEGINNINGS.items()})


def found(text: str) -> dict[Matter, tuple[str, ...]]:
    """The words of a text that point to each matter, as folded, each once, in order; nothing where there is none."""
    plain = _folded(text)
    hits = {matter: tuple(dict.fromkeys(pattern.findall(plain))) for matter, pattern in _PATTERNS.items()}
    return {matter: words for matter, words in hits.items() if words}
