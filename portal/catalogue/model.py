"""What a service is: one frozen value for each file of ``services/``.

Terms are those of the glossary. Amounts are ``Decimal`` Egyptian pounds as the governor's decision
writes them; they become integer piastres in :mod:`portal.catalogue.fees`. Areas are m², lengths m.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from portal.catalogue.expressions import Expression, Scope


@dataclass(frozen=True)
class Text:
    """The official text in Arabic and the project's own in English."""

    ar: str
    en: str

    def get(self, locale: str) -> str:
        return self.en if locale == "en" else self.ar


class Mark(StrEnum):
    """How certain a value is; only ``L`` may be shown as law."""

    LAW = "L"
    PRESS = "P"
    KNOWLEDGE = "K"
    ILLUSTRATIVE = "G"


class PaymentMode(StrEnum):
    """When and what the citizen pays."""

    FREE = "FREE"
    UPFRONT = "UPFRONT"
    UPFRONT_DIFF = "UPFRONT_DIFF"
    TWO_STAGE = "TWO_STAGE"
    THREE_STAGE = "THREE_STAGE"
    DUES = "DUES"
    REFUND = "REFUND"


class Stage(StrEnum):
    """When a fee line falls due."""

    SUBMISSION = "submission"
    AFTER_PRELIM = "after_prelim"
    AFTER_APPROVAL = "after_approval"
    BEFORE_DELIVERY = "before_delivery"


class Unit(StrEnum):
    """How a period is counted."""

    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTHS = "months"


class Silence(StrEnum):
    """What the lapse of the period without a decision means (أثر مضي المدة دون بت)."""

    DEEMED_APPROVED = "deemed_approved"
    DEEMED_ACCEPTED_PRELIM = "deemed_accepted_prelim"
    DEEMED_REFUSED = "deemed_refused"
    NONE = "none"


class Inspection(StrEnum):
    """Whether the site is visited (معاينة)."""

    YES = "yes"
    NO = "no"
    LATER = "later"
    MAYBE = "maybe"


@dataclass(frozen=True)
class Choice:
    value: str
    label: Text


@dataclass(frozen=True)
class Field:
    """One question. ``code`` is its control's name; dotted inside a block (``site.street``).

    ``minimum`` and ``maximum`` bound the value of numbers and dates, the length of texts, the rows
    of a group and the number of ticks of a multiple choice. A field whose ``when`` does not hold
    is not asked, and an answer left over from before is not kept.
    """

    code: str
    kind: str
    label: Text
    hint: Text | None = None
    required: bool = True
    when: Expression | None = None
    minimum: Expression | None = None
    maximum: Expression | None = None
    choices: tuple[Choice, ...] = ()
    choices_from: str = ""
    columns: tuple["Field", ...] = ()
    rows_by: str = ""
    pattern: str = ""
    unit: Text | None = None
    must_be: bool | None = None
    computed: Expression | None = None
    from_record: bool = False
    mark: Mark | None = None
    sensitive: bool = False
    example: str = ""

    @property
    def asked(self) -> bool:
        """Whether the citizen answers it; the others are computed or read from a record."""
        return self.computed is None and not self.from_record

    def with_choices(self, choices: tuple[Choice, ...]) -> "Field":
        """The same question with the choices of a list: a form asks for it at every visit."""
        offered = copy(self)  # a tenth of what dataclasses.replace() takes
        object.__setattr__(offered, "choices", choices)
        return offered

    def choice(self, value: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.value == value), None)


@dataclass(frozen=True)
class Rule:
    """A condition on several answers; ``fields`` get the message when it is known to fail.

    A warning lets the citizen go on and is shown to the clerk; an error does not. ``refer`` is
    the code of the service that suits the case instead.
    """

    check: Expression
    fields: tuple[str, ...]
    message: Text
    warning: bool = False
    refer: str = ""


@dataclass(frozen=True)
class Step:
    """One page of the form."""

    code: str
    title: Text
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()
    lead: Text | None = None
    when: Expression | None = None

    @cached_property
    def codes(self) -> frozenset[str]:
        """The codes of its fields."""
        return frozenset(field.code for field in self.fields)


@dataclass(frozen=True)
class Document:
    """A document to upload (مستند). Sizes are megabytes a file; ``original`` is shown at delivery.

    ``required`` together with ``when`` asks for it only then, which ``only`` says in words.
    ``required_at`` is ``submission`` or ``before_approval``: the latter may follow after filing.
    """

    code: str
    title: Text
    hint: Text | None = None
    formats: tuple[str, ...] = ("pdf", "jpg", "png")
    max_mb: int = 5
    max_pages: int = 50
    minimum: int = 1
    maximum: int = 5
    required: bool = True
    when: Expression | None = None
    only: Text | None = None
    required_at: str = "submission"
    original: bool = False
    mark: Mark | None = None


@dataclass(frozen=True)
class Tier:
    """A band of a tiered fee: up to and including ``up_to`` (None: above all others)."""

    up_to: Decimal | None
    amounts: Mapping[
        str, Decimal
    ]  # by the choice of ``FeeRule.by``, or under "" when there is none


@dataclass(frozen=True)
class FeeRule:
    """How one fee line is computed.

    ``amount = rate × quantity + plus_rate × plus_quantity``; the rate is fixed, looked up by the
    answer to ``by``, or taken from the ``tiers`` of ``tier_of``. Then rounded half up to whole
    piastres, then held between ``minimum`` and ``maximum`` (EGP).
    """

    id: str
    code: str
    label: Text
    stage: Stage
    basis: str
    mark: Mark
    beneficiary: str
    refundable: bool
    explain: Text | None = None
    rate: Decimal | None = None
    by: str = ""
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    tier_of: Expression | None = None
    tiers: tuple[Tier, ...] = ()
    quantity: Expression | None = None
    plus_rate: Decimal | None = None
    plus_quantity: Expression | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    law_minimum: Decimal | None = None
    law_maximum: Decimal | None = None
    when: Expression | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    decision: Text | None = None


@dataclass(frozen=True)
class FeeCode:
    """What a line code means everywhere: its label, who gets the money, whether it comes back."""

    label: Text
    beneficiary: str
    refundable: bool


@dataclass(frozen=True)
class Period:
    """A number of days, working days or months."""

    amount: int
    unit: Unit
    mark: Mark
    uncertain: bool = False
    when: Expression | None = None
    rolls: bool = True
    label: Text | None = None


@dataclass(frozen=True)
class Deadline:
    """The time in which the center must decide; the first variant whose ``when`` holds wins."""

    standard: Period
    source: Text
    variants: tuple[Period, ...] = ()
    from_filing: bool = False
    note: Text | None = None


@dataclass(frozen=True)
class SilenceRule:
    effect: Silence
    mark: Mark
    uncertain: bool = False
    note: Text | None = None
    unless: Expression | None = None  # answers for which silence means nothing
    after: str = ""  # an event without which silence means nothing


@dataclass(frozen=True)
class Grievance:
    """How a refusal is challenged (تظلم): period of filing, body, its own period and silence."""

    period: Period
    body: Text
    mark: Mark
    decided_in: Period | None = None
    silence: Text | None = None


@dataclass(frozen=True)
class Output:
    """What is issued, and how long it is valid in words (months when it is a fixed term)."""

    kind: str
    title: Text
    validity: Text
    mark: Mark | None
    months: int | None = None


@dataclass(frozen=True)
class Window:
    """A period of filing opened by decree; outside it the service shows ``closed``."""

    opens_on: date | None
    closes_on: date | None
    closed: Text
    mark: Mark


@dataclass(frozen=True)
class Record:
    """A register that the form looks up by the answer to ``key`` at the center of the place.

    With ``required`` an unknown record is an error; without, the clerk is told.
    """

    kind: str
    key: str
    required: bool
    missing: Text


@dataclass(frozen=True)
class Note:
    text: Text
    mark: Mark | None = None


@dataclass(frozen=True)
class Link:
    """Something that must be ready first: an earlier output of ``services``."""

    text: Text
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    code: str
    title: Text
    summary: Text
    icon: str


@dataclass(frozen=True)
class Department:
    code: str
    title: Text


@dataclass(frozen=True)
class Service:
    """One of the services of local administration, whole."""

    code: str
    number: int
    family: str
    department: str
    assisting: tuple[str, ...]
    title: Text
    summary: Text
    payment_mode: PaymentMode
    inspection: Inspection
    applicants: tuple[str, ...]
    eligibility: tuple[Note, ...]
    law: tuple[Note, ...]
    notes: tuple[Note, ...]
    requires: tuple[Link, ...]
    deadline: Deadline
    silence: SilenceRule
    grievance: Grievance | None
    output: Output
    window: Window | None
    record: Record | None
    routing: tuple[str, ...]  # the places whose center gets the request: the first one asked
    steps: tuple[Step, ...]
    assessed: tuple[Field, ...]
    documents: tuple[Document, ...]
    fees: tuple[FeeRule, ...]
    immediate: Expression | None  # answers for which filing itself is accepted and registered
    parameters: Mapping[str, Decimal]  # numbers of the law that its expressions name
    scope: Scope
    digest: str

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Every field of the form by its code, groups whole."""
        return {f.code: f for step in self.steps for f in step.fields}

    def document(self, code: str) -> Document | None:
        return next((d for d in self.documents if d.code == code), None)

    def step(self, code: str) -> Step | None:
        return next((s for s in self.steps if s.code == code), None)


@dataclass(frozen=True)
class Trial:
    """A service cut down to one page, on which its fees are tried: see :mod:`trying`.

    ``existing`` are questions that became "is there one?", ``counted`` groups that became a number
    of rows, ``registered`` what the form reads from a register, ``decided`` the choices that
    somebody else makes or that are not asked here.
    """

    service: Service
    existing: frozenset[str]
    counted: frozenset[str]
    registered: frozenset[str]
    decided: tuple[Field, ...]

    @property
    def page(self) -> Step:
        return self.service.steps[0]


@dataclass(frozen=True)
class Answer:
    """One answer of a guide: it leads to another question, or to a service."""

    code: str
    label: Text
    question: str = ""
    service: str = ""


@dataclass(frozen=True)
class Question:
    """One screen of a guide. ``asked_by`` is the answer that leads here, none at the first."""

    code: str
    text: Text
    answers: tuple[Answer, ...]
    hint: Text | None = None
    asked_by: tuple[str, str] | None = None

    def answer(self, code: str) -> Answer | None:
        return next((answer for answer in self.answers if answer.code == code), None)


@dataclass(frozen=True)
class Guide:
    """Questions that tell services apart which are easily taken for each other.

    ``services`` says of each what it is for, in the words in which they differ.
    """

    code: str
    title: Text
    summary: Text
    services: Mapping[str, Text]
    questions: Mapping[str, Question]

    @property
    def first(self) -> Question:
        return next(iter(self.questions.values()))

    def way(self, question: Question) -> list[tuple[Question, Answer]]:
        """The answers that lead to ``question``, from the first one on."""
        way: list[tuple[Question, Answer]] = []
        while question.asked_by is not None:
            code, chosen = question.asked_by
            question = self.questions[code]
            way.append((question, next(a for a in question.answers if a.code == chosen)))
        return way[::-1]

    def neighbours(self, service: str) -> list[str]:
        """The services that the questions on the way tell apart from it, the nearest first."""
        asked = [q for q in self.questions.values() if any(a.service == service for a in q.answers)]
        found: dict[str, None] = {}
        for question in asked:
            found |= dict.fromkeys(a.service for a in question.answers if a.service)
            if question.asked_by is not None:
                asked.append(self.questions[question.asked_by[0]])
        return [code for code in found if code != service]


@dataclass(frozen=True)
class EverydayWords:
    """By which words citizens look for services and families, beside their official texts.

    ``same`` are words that are used for one another, ``popular`` the services most asked for.
    """

    popular: tuple[str, ...]
    same: tuple[tuple[str, ...], ...]
    families: Mapping[str, tuple[str, ...]]
    services: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Catalogue:
    """All services, with what they share."""

    services: Mapping[str, Service]
    families: Mapping[str, Family]
    departments: Mapping[str, Department]
    capacities: Mapping[str, Text]
    fee_codes: Mapping[str, FeeCode]
    beneficiaries: Mapping[str, Text]
    refusal_reasons: Mapping[str, Text]
    words: EverydayWords
    trials: Mapping[str, Trial]  # by service; none where the fees depend on no question
    guides: Mapping[str, Guide]

    @property
    def popular(self) -> list[Service]:
        """The services most asked for, in the order of their file."""
        return [self.services[code] for code in self.words.popular]

    def family_services(self, family: str) -> list[Service]:
        return [s for s in self.services.values() if s.family == family]

    def guides_of(self, service: str) -> list[Guide]:
        """The guides that tell this service from its like."""
        return [guide for guide in self.guides.values() if service in guide.services]

    def guides_between(self, services: Iterable[str]) -> list[Guide]:
        """The guides that tell at least two of these services apart."""
        among = frozenset(services)
        return [guide for guide in self.guides.values() if len(among & guide.services.keys()) > 1]

    def following(self, service: str) -> list[Service]:
        """The services that need what this one issues."""
        return [
            other
            for other in self.services.values()
            if any(service in link.services for link in other.requires)
        ]
