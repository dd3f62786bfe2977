"""Where bureaus are on the map: the seats of governments, to a whole degree; written for this project, no map's data.

`bureaunet` addresses begin with an ISO 3166-1 code; the secretariat has none and is shown at Lyon. A code that is not
here has no place on the map and is listed beside it.
"""

from __future__ import annotations

from typing import Final

from schemas.identity import Address

WIDTH: Final = 720
HEIGHT: Final = 360
_PLACES: Final = """
AD 43 2 AE 24 54 AF 35 69 AG 17 -62 AL 41 20 AM 40 45 AO -9 13 AR -35 -58 AT 48 16 AU -35 149 AW 13 -70 AZ 40 50
BA 44 18 BB 13 -60 BD 24 90 BE 51 4 BF 12 -2 BG 43 23 BH 26 51 BI -3 30 BJ 6 3 BN 5 115 BO -16 -68 BR -16 -48 BS 25 -77
BT 27 90 BW -25 26 BY 54 28 BZ 17 -89 CA 45 -76 CD -4 15 CF 4 19 CG -4 15 CH 47 7 CI 7 -5 CL -33 -71 CM 4 12 CN 40 116
CO 5 -74 CR 10 -84 CU 23 -82 CV 15 -24 CW 12 -69 CY 35 33 CZ 50 14 DE 53 13 DJ 12 43 DK 56 13 DM 15 -61 DO 18 -70
DZ 37 3 EC 0 -79 EE 59 25 EG 30 31 ER 15 39 ES 40 -4 ET 9 39 FI 60 25 FJ -18 178 FM 7 158 FR 49 2 GA 0 9 GB 52 0
GD 12 -62 GE 42 45 GH 6 0 GM 13 -17 GN 10 -14 GQ 4 9 GR 38 24 GT 15 -91 GW 12 -16 GY 7 -58 HN 14 -87 HR 46 16 HT 19 -72
HU 47 19 ID -6 107 IE 53 -6 IL 32 35 IN 29 77 IQ 33 44 IR 36 51 IS 64 -22 IT 42 12 JM 18 -77 JO 32 36 JP 36 140 KE -1 37
KG 43 75 KH 12 105 KI 1 173 KM -12 43 KN 17 -63 KP 39 126 KR 38 127 KW 29 48 KZ 51 71 LA 18 103 LB 34 36 LC 14 -61
LI 47 10 LK 7 80 LR 6 -11 LS -29 27 LT 55 25 LU 50 6 LV 57 24 LY 33 13 MA 34 -7 MC 44 7 MD 47 29 ME 42 19 MG -19 48
MH 7 171 MK 42 21 ML 13 -8 MM 20 96 MN 48 107 MR 18 -16 MT 36 15 MU -20 58 MV 4 73 MW -14 34 MX 19 -99 MY 3 102
MZ -26 33 NA -23 17 NE 14 2 NG 9 7 NI 12 -86 NL 52 5 NO 60 11 NP 28 85 NR -1 167 NZ -41 175 OM 24 58 PA 9 -80 PE -12 -77
PG -9 147 PH 15 121 PK 34 73 PL 52 21 PS 32 35 PT 39 -9 PW 8 135 PY -25 -58 QA 25 52 RO 44 26 RS 45 20 RU 56 38
RW -2 30 SA 25 47 SB -9 160 SC -5 55 SD 16 33 SE 59 18 SG 1 104 SI 46 15 SK 48 17 SL 8 -13 SM 44 12 SN 15 -17 SO 2 45
SR 6 -55 SS 5 32 ST 0 7 SV 14 -89 SX 18 -63 SY 34 36 SZ -26 31 TD 12 15 TG 6 1 TH 14 101 TJ 39 69 TL -9 126 TM 38 58
TN 37 10 TO -21 -175 TR 40 33 TT 11 -62 TV -9 179 TZ -6 36 UA 50 31 UG 0 33 US 39 -77 UY -35 -56 UZ 41 69 VA 42 12
VC 13 -61 VE 10 -67 VN 21 106 VU -18 168 WS -14 -172 YE 15 44 ZA -26 28 ZM -15 28 ZW -18 31 IPSG 46 5
"""


def _read(text: str) -> dict[str, tuple[int, int]]:
    words = text.split()
    return {words[at]: (int(words[at + 1]), int(words[at + 2])) for at in range(0, len(words), 3)}


PLACES: Final = _read(_PLACES)
"""Code -> (latitude, longitude), in degrees."""


def place(address: Address) -> tuple[int, int] | None:
    """(x, y) on an equirectangular map of WIDTH by HEIGHT; None for who has no place on it."""
    found = PLACES.get(str(address.bureau))
    if found is None:
        return None
    latitude, longitude = found
    return (longitude + 180) * WIDTH // 360, (90 - latitude) * HEIGHT // 180
