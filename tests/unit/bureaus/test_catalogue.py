"""The catalogue says what the sources say, and chooses participants the same way each time."""

import pytest

from bureaus.exercises.catalogue import Area, countries, operation, operations, organisations, participants, totals
from schemas.errors import Misuse

PUBLISHED = {
    "infra-red-2010": (2010, 447, 29),
    "infra-sa-2011": (2011, 209, 34),
    "infra-red-2012": (2012, 509, 59),
    "infra-sea-2012": (2012, 58, 21),
    "infra-americas-2013": (2013, 266, 50),
    "infra-terra-2014": (2014, 139, 40),
    "infra-hydra-2016": (2016, 180, 43),
    "infra-asp-2017": (2017, 258, 21),
}
AMERICAS = {Area.SOUTH_AMERICA, Area.CENTRAL_AMERICA, Area.NORTH_AMERICA, Area.CARIBBEAN}


def test_the_eight_operations_have_the_published_figures() -> None:
    read = {key: (value.year, value.targets, value.participants) for key, value in operations().items()}
    assert read == PUBLISHED
    assert sum(targets for _, targets, _ in read.values()) == 2066


def test_the_published_totals_are_kept_apart() -> None:
    assert [(total.arrested, total.located, total.published) for total in totals()] == [
        (480, 320, "2018-01"),
        (540, 300, "2017-12"),
    ]


def test_190_countries_and_five_organisations() -> None:
    assert len(countries()) == 190
    assert set(organisations()) == {"UNMIK", "UNODC", "CITES", "WCO", "WORLDBANK"}
    assert all(country.area in Area for country in countries().values())


@pytest.mark.parametrize("identifier", PUBLISHED)
def test_as_many_countries_take_part_as_published_each_once(identifier: str) -> None:
    chosen = participants(operation(identifier))
    assert len(chosen) == len(set(chosen)) == operation(identifier).participants
    assert set(chosen) <= countries().keys()
    assert chosen == participants(operation(identifier))
    assert "not published" in operation(identifier).choice


def test_infra_sa_takes_south_america_first_then_the_rest_of_the_americas() -> None:
    chosen = participants(operation("infra-sa-2011"))
    areas = [countries()[code].area for code in chosen]
    assert areas[:12] == [Area.SOUTH_AMERICA] * 12
    assert set(areas[12:]) == AMERICAS - {Area.SOUTH_AMERICA}
    assert chosen[:12] == ["AR", "BO", "BR", "CL", "CO", "EC", "GY", "PE", "PY", "SR", "UY", "VE"]


def test_global_operations_reach_every_area() -> None:
    for identifier in ("infra-red-2010", "infra-red-2012", "infra-terra-2014", "infra-hydra-2016"):
        assert {countries()[code].area for code in participants(operation(identifier))} == set(Area)


def test_an_operation_whose_areas_are_too_small_is_refused() -> None:
    larger = operation("infra-sa-2011").model_copy(update={"participants": 39})
    with pytest.raises(Misuse, match="38 countries"):
        participants(larger)


def test_an_unknown_operation_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Misuse, match="infra-sa-2011"):
        operation("infra-none-1999")
