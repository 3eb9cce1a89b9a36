"""Subjects, their hours by class, kinds of work: what a timetable and a journal are made of. Data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIVE, PASS = 1, 2  # the vendor's numbers of grading systems
NUMERIC, PASS_FAIL, CODE, DUTY = 1, 2, 3, 4  # the vendor's numbers of kinds of marks

AREAS: Final = (
    "Русский язык и литература",
    "Математика и информатика",
    "Иностранные языки",
    "Общественно-научные предметы",
    "Естественно-научные предметы",
    "Искусство",
    "Технология",
    "Физическая культура и безопасность",
    "Внеурочная деятельность",
    "Дополнительное образование",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject: its number with the vendor, spellings, area, grading, and weekly hours by class 1 to 11 (0 = not taught)."""

    id: int
    name: str
    short: str
    code: str
    area: int
    hours: tuple[int, ...]
    grading: int = FIVE
    split: bool = False
    primary: bool = False
    extra: bool = False


def _subject(line: str) -> Subject:
    """Read ``number|name|short|code|area|hours of classes 1 to 11|marks``; marks: p(ass), s(plit), t(he class teacher's), x(tra)."""
    number, name, short, code, area, hours, marks = (part.strip() for part in line.split("|"))
    return Subject(
        int(number),
        name,
        short,
        code,
        int(area),
        tuple(int(digit) for digit in hours),
        PASS if "p" in marks else FIVE,
        split="s" in marks,
        primary="t" in marks,
        extra="x" in marks,
    )


SUBJECTS: Final = tuple(
    _subject(line)
    for line in """
    1|Русский язык|Рус. яз.|russian|1|55555643322|t
    2|Литературное чтение|Лит. чтение|reading|1|44430000000|t
    3|Литература|Лит-ра|literature|1|00003322333|
    4|Математика|Матем.|mathematics|2|44445500000|t
    5|Алгебра|Алгебра|algebra|2|00000033333|
    6|Геометрия|Геом.|geometry|2|00000022222|
    7|Вероятность и статистика|Вер. и стат.|statistics|2|00000011111|
    8|Информатика|Инф.|informatics|2|00000011111|s
    9|Английский язык|Англ. яз.|english|3|02223333333|s
    10|Окружающий мир|Окр. мир|nature_study|4|22220000000|t
    11|История|История|history|4|00002222222|
    12|Обществознание|Общ-ние|social_studies|4|00000111122|
    13|География|Геогр.|geography|4|00001122211|
    14|Биология|Биол.|biology|5|00001112211|
    15|Физика|Физика|physics|5|00000022322|
    16|Химия|Химия|chemistry|5|00000002211|
    17|Музыка|Музыка|music|6|11111110000|
    18|Изобразительное искусство|ИЗО|art|6|11111110000|t
    19|Труд (технология)|Труд|technology|7|11112221100|s
    20|Физическая культура|Физ-ра|physical_education|8|22222222222|
    21|Основы безопасности и защиты Родины|ОБЗР|safety|8|00000001111|
    22|Основы религиозных культур и светской этики|ОРКСЭ|ethics|4|00010000000|p
    23|Разговоры о важном|Разг. о важном|class_hour|9|11111111111|tx
    """.strip().splitlines()
)
SPORT: Final = 20


def weekly_hours(full: int, share: float) -> int:
    """Weekly hours of a subject in a school that teaches only ``share`` of the full timetable."""
    return int(full * share + 0.5)


CIRCLES: Final = (
    "Хоровое пение",
    "Робототехника",
    "Шахматы",
    "Народный танец",
    "Керамика",
    "Туризм и краеведение",
    "Театральная студия",
    "Авиамоделирование",
    "Юный журналист",
    "Бисероплетение",
    "Программирование на Python",
    "Гитара для начинающих",
)
CIRCLE_BASE: Final = 100  # numbers of circles begin here


@dataclass(frozen=True, slots=True)
class WorkType:
    """A kind of work: number with the vendor, name, abbreviation, usual weight, and the share of the class that gets a mark for it."""

    id: int
    name: str
    abbr: str
    weight: float
    share: float


WORK_TYPES: Final = (
    WorkType(1, "Практическая работа", "ПР", 1, 0.85),
    WorkType(2, "Тематическая работа", "ТР", 1.5, 0.9),
    WorkType(3, "Домашнее задание", "ДЗ", 1, 0.22),
    WorkType(4, "Контрольная работа", "КР", 2, 0.97),
    WorkType(5, "Самостоятельная работа", "СР", 1, 0.9),
    WorkType(6, "Лабораторная работа", "ЛР", 1, 0.9),
    WorkType(7, "Проект", "П", 1.5, 0.6),
    WorkType(8, "Диктант", "Д", 1.5, 0.95),
    WorkType(9, "Реферат", "Р", 0, 0.3),
    WorkType(10, "Ответ на уроке", "О", 1, 0.2),
    WorkType(11, "Сочинение", "С", 1.5, 0.95),
    WorkType(12, "Изложение", "И", 1.5, 0.95),
    WorkType(13, "Зачёт", "З", 2, 0.95),
    WorkType(14, "Тестирование", "Т", 1.25, 0.9),
    WorkType(16, "Диагностическая контрольная работа", "ДКР", 10, 0.97),
    WorkType(17, "Домашняя контрольная работа", "ДКР/д", 1, 0.8),
)
HOMEWORK: Final = WORK_TYPES[2]
ANSWER: Final = WORK_TYPES[9]
CONTROL: Final = WORK_TYPES[3]
WRITTEN: Final = (WORK_TYPES[0], WORK_TYPES[4], WORK_TYPES[4], WORK_TYPES[13], WORK_TYPES[5], WORK_TYPES[1])
LANGUAGE_WORKS: Final = (WORK_TYPES[7], WORK_TYPES[10], WORK_TYPES[11])
