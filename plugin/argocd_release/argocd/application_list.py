"""Parse lists of applications part by part, while the responses arrive.

A list of hundreds of applications with hundreds of resources each is tens of megabytes long. To save memory, the parser
discards the text and JSON of each application as soon as it has converted them.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import is_
from typing import Any, Final, TypeVar

from argocd_release.argocd.application_json import application_of, name_of
from argocd_release.core.text import as_list, as_object, as_text, one_line, parse_json
from argocd_release.messages import argocd as texts
from argocd_release.model.application import Application

# A pattern of the text before the first application in a list. argocd prints an array; the HTTP API returns an object
# with an array ``items``. Every repetition is bounded, so that no text can make the pattern slow.
_SPACE: Final = r"\s{0,20}+"
_START: Final = re.compile(
    rf'\ufeff?{_SPACE}(?:\{{{_SPACE}"metadata"{_SPACE}:{_SPACE}\{{[^{{}}]{{0,2000}}+\}}{_SPACE},{_SPACE}"items"{_SPACE}:{_SPACE})?+\['
)
Item = TypeVar("Item")
_BETWEEN: Final = re.compile(r"[\s,]*+")


def parse_applications(text: str, check: Callable[[], object] = lambda: None) -> tuple[Application, ...]:
    """Parse the output of ``argocd app list -o json``.

    Raises:
        ValueError: the text is not a list.
    """
    return ApplicationReader().read(text, check)


class ApplicationReader:
    """A thread-safe parser of applications that saves memory and time by reusing objects of the previous list.

    If the ``resourceVersion`` of an application is unchanged, the parser returns the previous object. Otherwise, the
    new object shares all resources and operation results that are equal to the previous ones.
    """

    def __init__(self) -> None:
        #: The ``resourceVersion`` and the parsed object of each application in the last list, by its uid.
        self._parsed: dict[str, tuple[str, Application]] = {}

    def read(self, text: str, check: Callable[[], object] = lambda: None) -> tuple[Application, ...]:
        """Parse a whole list.

        Args:
            text: the JSON text of the list.
            check: a callback that is called for each application. It raises an exception to cancel the parsing.

        Raises:
            ValueError: the text is not a list.
        """
        reading = ListReading(self, check)
        reading.feed_text(text)
        return reading.end()

    def application(self, document: dict[str, Any]) -> Application:
        """Convert the JSON object of a single application, as returned by a request for that application.

        The object of the previous list is never returned instead, because in a list the health of the resources can be
        missing.
        """
        application = application_of(document)
        previous = self._parsed.get(application.uid)
        return application if previous is None else _sharing(application, previous[1])

    def listed(self, document: dict[str, Any]) -> Application:
        """Convert one application of a list, or return the previous object if its ``resourceVersion`` is unchanged."""
        metadata = as_object(document.get("metadata"))
        uid, version = as_text(metadata.get("uid")), as_text(metadata.get("resourceVersion"))
        previous = self._parsed.get(uid) if uid and version else None
        if previous is not None and previous[0] == version:
            return previous[1]
        application = self.application(document)
        if uid and version:
            self._parsed[uid] = (version, application)
        return application

    def keep_only(self, applications: tuple[Application, ...]) -> None:
        """Keep the stored objects of these applications, and discard all others."""
        uids = {application.uid for application in applications}
        self._parsed = {uid: parsed for uid, parsed in tuple(self._parsed.items()) if uid in uids}


class ListReading:
    """A parser of one list whose text arrives in parts.

    Args:
        reader: converts each application.
        check: a callback that is called for each application. It raises an exception to cancel the parsing.
    """

    def __init__(self, reader: ApplicationReader, check: Callable[[], object]) -> None:
        self._reader = reader
        self._check = check
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._applications: list[Application] = []
        self._text = ""
        self._has_begun = self._has_ended = False
        # The length of buffered text at which the next attempt to parse starts. If the text contains only a part of an
        # application, the length doubles. So the total time stays linear.
        self._worth_parsing = 0

    def feed(self, part: bytes) -> None:
        """Parse the next part of the list, given as bytes in UTF-8.

        Raises:
            ValueError: the list is nested too deeply.
        """
        self.feed_text(self._decoder.decode(part))

    def feed_text(self, text: str) -> None:
        """Parse the next part of the list, given as text.

        Raises:
            ValueError: the list is nested too deeply.
        """
        self._text += text
        if len(self._text) < self._worth_parsing:
            return
        for document in self._documents():
            self._check()
            if name_of(document):
                self._applications.append(self._reader.listed(document))

    def end(self) -> tuple[Application, ...]:
        """Return all applications of the list. Call this after the last part.

        Raises:
            ValueError: the text is not a list, or it ends too early.
        """
        self._worth_parsing = 0
        self.feed_text("")
        if not self._has_begun:
            # The pattern ``_START`` did not match. Either the fields are in another order, or Go printed null for an
            # empty list, or the text is not a list. So parse the whole text at once.
            document = parse_json(self._text)
            items = document.get("items") if isinstance(document, dict) and "metadata" in document else document
            if items is not None and as_list(items) is not items:
                raise ValueError(texts.FOUND_NO_LIST.fill(text=one_line(self._text, limit=200)))
            documents = filter(name_of, map(as_object, as_list(items)))
            self._applications = [self._reader.listed(document) for document in documents]
        elif not self._has_ended:
            raise ValueError(texts.FOUND_NO_END.fill(text=one_line(self._text[:1000], limit=200) or texts.NOTHING))
        applications = tuple(self._applications)
        self._reader.keep_only(applications)
        return applications

    def _documents(self) -> Iterator[dict[str, Any]]:
        """Yield each complete JSON object in the text, and keep the rest for the next part."""
        position = 0
        if not self._has_begun:
            start = _START.match(self._text)
            if start is None:
                return
            self._has_begun, position = True, start.end()
        decoder = json.JSONDecoder()
        while not self._has_ended:
            between = _BETWEEN.match(self._text, position)
            position = between.end() if between else position
            if self._text.startswith("]", position):
                self._has_ended = True
                break
            try:
                document, position = decoder.raw_decode(self._text, position)
            except RecursionError as error:
                raise ValueError(texts.NESTED_TOO_DEEPLY) from error
            except ValueError:
                break
            yield as_object(document)
        self._text = self._text[position:] if not self._has_ended else ""
        self._worth_parsing = 2 * len(self._text)


def _sharing(application: Application, before: Application) -> Application:
    """Save memory: reuse the resources and operation results that are equal in the application's previous version."""
    resources = _shared(application.resources, before.resources)
    operation, earlier = application.operation, before.operation
    if operation is not None and earlier is not None:
        operation = replace(operation, results=_shared(operation.results, earlier.results))
    return replace(application, resources=resources, operation=operation)


def _shared(items: tuple[Item, ...], before: tuple[Item, ...]) -> tuple[Item, ...]:
    if len(items) != len(before):
        return items
    shared = tuple(earlier if earlier == item else item for item, earlier in zip(items, before, strict=True))
    return before if all(map(is_, shared, before)) else shared
