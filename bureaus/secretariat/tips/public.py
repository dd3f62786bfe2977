"""The page for the public: who is sought, a form, a number and a secret to come back with.

It stands on a listener of its own, apart from the staff's. Nobody is known here: no cookie is set, no address, agent or
other header is kept or logged, and nothing is logged at the time at which somebody came: faults are counted, and their
counts go to the log when the day is over. Everybody shares the same limits (limits.py, form.py).

Rules: what a page of elsewhere sends is refused; a form is good once; number and secret are compared slowly, and as
slowly where there is no such number; what was written stands in the form again where it could not be taken.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from bureaus import logs
from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.views import Views, dress
from bureaus.secretariat.tips import numbers
from bureaus.secretariat.tips.appeals import Appeals
from bureaus.secretariat.tips.form import Room, Sent
from bureaus.secretariat.tips.limits import Bucket, Forms, Guesses
from bureaus.secretariat.tips.pictures import Pictures
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.tips.taking import Given, Taking, Thread, TipState, day_of
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable
from schemas.messages.codes import TipFinding
from schemas.messages.countries import COUNTRIES

_log: Final = logs.get(__name__)
NAME: Final = "Fugitive unit of the General Secretariat"
SMALL: Final = 32 * 1024
"""Bytes of a form without pictures."""
SECONDS: Final = 30.0
"""Until such a form has come in."""
_WRONG: Final = "There is no tip with this number and this secret; or somebody tried too often: try again later."
_COUNTRIES: Final = sorted(COUNTRIES)
_SENTENCES: Final[Mapping[str, str]] = {
    TipFinding.ARRESTED: "It led to an arrest. Thank you.",
    TipFinding.LOCATED: "It led to where somebody is. Thank you.",
    TipFinding.USEFUL: "It was of use. Thank you.",
    TipFinding.KNOWN: "It was known before. Thank you all the same.",
    TipFinding.NOT_USEFUL: "It was looked into, and led to nothing.",
    TipFinding.NOT_ASSESSED: "It says too little to be looked into.",
    TipFinding.IN_PROCESS: "The police are looking into it.",
}


class PublicPage:
    """The pages of the public's listener."""

    def __init__(self, office: Office, clock: Callable[[], float] = time.monotonic) -> None:
        settings = self._settings = office.settings
        self._office, self._views = office, Views(NAME)
        self._taking = Taking(office, Seal.at(office.bureau.home))
        self._appeals, self._pictures = Appeals(office), Pictures(settings)
        self._room = Room(settings)
        self._largest = settings.tip_pictures * settings.tip_picture_bytes + SMALL
        self._tips, self._reads = Bucket(settings.tips_a_minute, clock), Bucket(settings.tip_reads_a_minute, clock)
        self._forms = Forms(settings.tip_form_least, settings.tip_form_most, clock)
        self._guesses = Guesses(settings.tip_secret_wait, clock)
        self._faults: Counter[str] = Counter()
        self._day = day_of(office.now())

    def mount(self, application: web.Application) -> None:
        """Put the pages on an application."""
        application.add_routes(
            [
                web.get("/", self._behind(self._tell)),
                web.post("/", self._behind(self._take)),
                web.get("/answer", self._behind(self._ask)),
                web.post("/answer", self._behind(self._read)),
                web.post("/more", self._behind(self._more)),
                web.get("/appeals/{reference}", self._behind(self._picture)),
                web.get("/static/{name}", self._behind(self._static)),
            ]
        )
        application.on_response_prepare.append(dress)
        application.on_shutdown.append(self._over)

    # ---- before every page

    def _behind(
        self, page: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self._turn_of_day()
            try:
                self._check_own(request)
                return await page(request.clone(client_max_size=SMALL))
            except BureaunetError as error:
                return self._problem(error)
            except web.HTTPException as error:
                status = HTTPStatus(error.status)
                return self._views.problem(status, status.phrase, "public.html")
            except Exception as error:  # noqa: BLE001  # counted by its type: its words and its time go nowhere
                self._faults[type(error).__name__] += 1
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                return self._views.problem(status, "This page failed. Please try again later.", "public.html")

        return answer

    def _check_own(self, request: web.Request) -> None:
        """Refuse what a page of elsewhere sends or embeds."""
        site, mode = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode")
        origin, host = request.headers.get("Origin"), request.host.lower()
        foreign = origin is not None and origin.lower() not in {f"http://{host}", f"https://{host}"}
        led = mode == "navigate" and request.method == "GET"
        if (site not in {None, "same-origin", "none"} and not led) or (foreign and request.method != "GET"):
            raise Forbidden(Reason.NOT_ACCEPTED, "the request comes from a page of elsewhere")

    def _problem(self, error: BureaunetError) -> web.Response:
        status = HTTPStatus.BAD_REQUEST
        if isinstance(error, Unavailable):
            status = HTTPStatus.SERVICE_UNAVAILABLE
        elif isinstance(error, Forbidden):
            status = HTTPStatus.FORBIDDEN
        response = self._views.problem(status, error.detail or str(error.reason), "public.html")
        if isinstance(error, Unavailable) and error.retry_after is not None:
            response.headers["Retry-After"] = str(int(error.retry_after))
        return response

    def _turn_of_day(self) -> None:
        today = day_of(self._office.now())
        if today != self._day:
            self._tell_faults()
            self._day = today

    def _tell_faults(self) -> None:
        if self._faults:
            _log.error("faults of the public's page", day=self._day, **self._faults)
            self._faults.clear()

    async def _over(self, _application: web.Application) -> None:
        self._tell_faults()

    # ---- telling

    async def _tell(self, _request: web.Request) -> web.StreamResponse:
        return await self._form(Given(""), "")

    async def _form(self, given: Given, said: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
        values = {
            "here": "",
            "said": said,
            "given": given,
            "form": self._forms.new(),
            "appeals": await self._appeals.all(),
            "countries": _COUNTRIES,
            "most_pictures": self._settings.tip_pictures,
            "most_megabytes": self._settings.tip_picture_bytes // (1024 * 1024),
        }
        return self._views.page("public_tell.html", values, status)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "multipart/form-data":
            raise Forbidden(Reason.NOT_ACCEPTED, "this is no form of this page")
        if request.content_length is not None and request.content_length > self._largest:
            raise web.HTTPRequestEntityTooLarge(self._largest, request.content_length)
        async with self._room.read(request) as sent:
            given = await self._given(sent)
            try:
                self._forms.use(sent.fields.get("form", ""), self._tips)
                pictures = [await self._pictures.anew(data) for data in sent.pictures]
                number, secret = await self._taking.take(given, pictures)
            except BureaunetError as error:
                status = HTTPStatus(self._problem(error).status)
                return await self._form(given, f"It was not taken in: {error.detail}.", status)
        return self._views.page("public_taken.html", {"here": "", "number": number, "secret": secret})

    async def _given(self, sent: Sent) -> Given:
        said = {name: sent.fields.get(name, "").strip() for name in ("text", "appeal", "country", "place", "seen")}
        shown = {one.reference for one in await self._appeals.all()}
        return Given(
            text=said["text"],
            appeal=said["appeal"] if said["appeal"] in shown else "",
            country=said["country"],
            place=said["place"],
            seen=said["seen"],
        )

    # ---- coming back

    async def _ask(self, _request: web.Request) -> web.StreamResponse:
        return self._door("")

    def _door(self, said: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
        values = {"here": "answer", "said": said, "form": self._forms.new()}
        return self._views.page("public_answer.html", values, status)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        number, secret, _ = await self._key(request)
        thread = await self._opened(number, secret)
        return self._door(_WRONG, HTTPStatus.FORBIDDEN) if thread is None else self._thread(thread, secret, "")

    async def _more(self, request: web.Request) -> web.StreamResponse:
        number, secret, text = await self._key(request)
        thread = await self._opened(number, secret)
        if thread is None or not await self._taking.add(number, secret, text):
            return self._door(_WRONG, HTTPStatus.FORBIDDEN)
        again = await self._taking.read(number, secret)
        return (
            self._door(_WRONG, HTTPStatus.FORBIDDEN) if again is None else self._thread(again, secret, "It is added.")
        )

    async def _key(self, request: web.Request) -> tuple[str, str, str]:
        if request.content_type != "application/x-www-form-urlencoded":  # another may have files
            raise Forbidden(Reason.NOT_ACCEPTED, "this is no form of this page")
        try:
            async with asyncio.timeout(SECONDS):
                sent = await request.post()
        except (ValueError, LookupError, TimeoutError):
            raise Malformed(Reason.STRUCTURE, "this is no form, or it did not come in time") from None
        form = {name: value for name, value in sent.items() if isinstance(value, str)}
        self._forms.use(form.get("form", ""), self._reads)
        number = numbers.read_number(form.get("number", "")) or ""
        return number, numbers.read_secret(form.get("secret", "")) or "", form.get("text", "")

    async def _opened(self, number: str, secret: str) -> Thread | None:
        if not self._guesses.may(number):
            number = ""  # compared with nobody's, which takes as long
        thread = await self._taking.read(number, secret)
        if thread is not None:
            self._guesses.right(number)
        return thread

    def _thread(self, thread: Thread, secret: str, said: str) -> web.Response:
        waits = "It was passed on to the police." if thread.state is TipState.FORWARDED else "It waits to be read."
        values = {
            "here": "answer",
            "thread": thread,
            "secret": secret,
            "said": said,
            "sentence": _SENTENCES.get(thread.finding, waits),
            "form": self._forms.new(),
        }
        return self._views.page("public_thread.html", values)

    # ---- pictures of appeals, and files

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        data = await self._appeals.picture(request.match_info["reference"])
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type="image/jpeg")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return self._views.static(request.match_info["name"])
