"""What the search is for: tasks, each with a few examples to learn from and pairs held out.

The inputs of the held-out pairs are the data that the search may look at, as in a recipe; so a task
also fails where the search finds its examples ambiguous.
"""

from typing import NamedTuple

import pytest

from throughline.features.by_example.learning import learn
from throughline.features.by_example.meaning import evaluate
from throughline.features.by_example.on_python import OnPython


class Task(NamedTuple):
    """Examples and held-out pairs: an input is one text, or one for each column."""

    examples: dict
    held_out: dict


TASKS = {
    "plane model to its family": Task(
        {"737-824": "737", "A320-232": "A320", "FALCON XP": "FALCON XP"},
        {"EMB-145LR": "EMB", "757-222": "757", "172N": "172N", "DC-9-82(MD-82)": "DC"},
    ),
    "plane model to its variant": Task(
        {"737-824": "824", "EMB-145LR": "145LR"}, {"A320-232": "232", "717-200": "200"}
    ),
    "plane model to its number": Task(
        {"A320-232": "320", "737-824": "737"}, {"EMB-145LR": "145", "MD-88": "88", "172N": "172"}
    ),
    "end of a tail number": Task(
        {"N14228": "28", "N3742": "42"}, {"N668DN": "DN", "N39463": "63", "N5EAA": "AA"}
    ),
    "digits of a tail number": Task({"N668DN": "668"}, {"N14228": "14228", "N5EAAA": "5"}),
    "operator of a tail number": Task(
        {"N668DN": "DN", "N711MQ": "MQ", "N5EGAA": "EGAA"}, {"N24UW": "UW", "N935XJ": "XJ"}
    ),
    "weekday and hour": Task(
        {"2013-01-01 05:00": "Tue 05"},
        {"2013-12-25 23:15": "Wed 23", "2012-02-29 00:00": "Wed 00"},
    ),
    "date to year": Task(
        {"2013-01-31": "2013"}, {"1999-12-01": "1999", "2024-02-29": "2024"}
    ),
    "date to month": Task({"2013-01-31": "01"}, {"1999-12-01": "12", "2024-02-29": "02"}),
    "date to day without zero": Task(
        {"2013-01-05": "5", "2013-11-30": "30"}, {"1999-12-01": "1", "2024-02-29": "29"}
    ),
    "day first": Task(
        {"2013-01-31": "31/01/2013"}, {"1999-12-01": "01/12/1999", "2024-02-29": "29/02/2024"}
    ),
    "American date to ISO": Task(
        {"1/31/2013": "2013-01-31"}, {"12/1/1999": "1999-12-01", "10/10/2010": "2010-10-10"}
    ),
    "European date to ISO": Task(
        {"31.01.2013": "2013-01-31"}, {"01.12.1999": "1999-12-01", "10.10.2010": "2010-10-10"}
    ),
    "written date to ISO": Task(
        {"March 5, 2013": "2013-03-05"},
        {"December 31, 1999": "1999-12-31", "February 29, 2024": "2024-02-29"},
    ),
    "compact date to month and year": Task(
        {"20130305": "Mar 2013"}, {"19991231": "Dec 1999", "20240229": "Feb 2024"}
    ),
    "date to weekday": Task(
        {"5 Mar 2013": "Tuesday"}, {"31 Dec 1999": "Friday", "29 Feb 2024": "Thursday"}
    ),
    "date to quarter": Task(
        {"2013-08-31": "2013 Q3"}, {"1999-12-01": "1999 Q4", "2024-02-29": "2024 Q1"}
    ),
    "moment to minutes": Task(
        {"2013-08-05T10:15:00Z": "15"}, {"1999-12-31T23:59:07Z": "59", "2024-02-29T00:00:00Z": "00"}
    ),
    "first letter and last name": Task(
        {"Ada Lovelace": "A. Lovelace", "Alan Mathison Turing": "A. Turing"},
        {"Grace Hopper": "G. Hopper", "Zoë Müller": "Z. Müller", "Édouard Lucas": "É. Lucas"},
    ),
    "initials": Task({"Ada Lovelace": "AL", "Grace Hopper": "GH"}, {"Alan Turing": "AT"}),
    "last name first": Task(
        {"Ada Lovelace": "Lovelace, Ada"}, {"Grace Hopper": "Hopper, Grace", "Bo Ek": "Ek, Bo"}
    ),
    "last name in capitals": Task(
        {"Ada Lovelace": "LOVELACE"}, {"Grace Hopper": "HOPPER", "Zoë Müller": "MÜLLER"}
    ),
    "capitalised name": Task(
        {"ada lovelace": "Ada Lovelace"}, {"JEAN-LUC PICARD": "Jean-Luc Picard", "o'neil": "O'Neil"}
    ),
    "user of an address": Task(
        {"ada@example.org": "ada", "g.hopper@navy.mil": "g.hopper"},
        {"a_b+c@d.e": "a_b+c", "alan1@mail.co.uk": "alan1"},
    ),
    "domain of an address": Task(
        {"ada@example.org": "example.org"},
        {"g.hopper@navy.mil": "navy.mil", "alan@mail.co.uk": "mail.co.uk"},
    ),
    "top-level domain": Task(
        {"ada@example.org": "org", "alan@mail.co.uk": "uk"},
        {"g.hopper@navy.mil": "mil", "x@y.museum": "museum"},
    ),
    "phone number to digits": Task(
        {"(555) 123-4567": "5551234567"},
        {"555.987.6543": "5559876543", "+1 555 000 1111": "15550001111"},
    ),
    "phone number with dashes": Task(
        {
            "(555) 123-4567": "555-123-4567",
            "555.987.6543": "555-987-6543",
            "800 555 0000": "800-555-0000",
        },
        {"555 000 1111": "555-000-1111", "(212)555-0000": "212-555-0000"},
    ),
    "area code": Task(
        {"(555) 123-4567": "555"}, {"(212) 987-6543": "212", "(999) 000-0000": "999"}
    ),
    "file extension": Task(
        {"report.pdf": "pdf", "archive.tar.gz": "gz"}, {"a b.c.JSON": "JSON", "x.y": "y"}
    ),
    "file name of a path": Task(
        {"/var/log/syslog.1": "syslog.1", "/a.b": "a.b"},
        {"/home/ada/notes.txt": "notes.txt", "/x/y/z/w v.pdf": "w v.pdf"},
    ),
    "stem of a path": Task(
        {"/var/log/app.log": "app", "/home/ada/my.notes.txt": "my.notes"},
        {"/a/b.c": "b", "/x/y/z/w v.pdf": "w v"},
    ),
    "folder of a path": Task(
        {"/var/log/app.log": "/var/log", "/a/b.c": "/a"},
        {"/home/ada/x/notes.txt": "/home/ada/x", "/x y/z": "/x y"},
    ),
    "amount without its sign": Task(
        {"$1,234.56": "1234.56", "$7.00": "7.00"}, {"$12,345,678.90": "12345678.90", "$99": "99"}
    ),
    "currency": Task({"EUR 12.50": "EUR"}, {"USD 1,000.00": "USD", "JPY 7": "JPY"}),
    "amount before its currency": Task(
        {"12.50 EUR": "12.50"}, {"1,000.00 USD": "1,000.00", "7 JPY": "7"}
    ),
    "number of a unit": Task(
        {"12.5kg": "12.5", "7 lb": "7"}, {"100km": "100", "0.25 m": "0.25"}
    ),
    "unit": Task({"12.5kg": "kg", "7 lb": "lb"}, {"0.25 m": "m", "100km": "km"}),
    "code without leading zeros": Task(
        {"INV-00042": "42", "INV-01500": "1500"}, {"INV-00007": "7", "INV-12345": "12345"}
    ),
    "padded number": Task(
        {"Gate 7": "007", "Gate 42": "042"}, {"Gate 115": "115", "Gate 1": "001"}
    ),
    "carrier and flight": Task(
        {("UA", "1545"): "UA1545", ("B6", "725"): "B6725"}, {("9E", "3"): "9E3", ("DL", "1"): "DL1"}
    ),
    "route": Task(
        {("EWR", "IAH"): "EWR-IAH"}, {("JFK", "MIA"): "JFK-MIA", ("LGA", "ATL"): "LGA-ATL"}
    ),
    "address from names": Task(
        {("Ada", "Lovelace"): "ada.lovelace@x.org", ("Alan", "Turing"): "alan.turing@x.org"},
        {("Grace", "Hopper"): "grace.hopper@x.org", ("BO", "EK"): "bo.ek@x.org"},
    ),
    "lower case with underscores": Task(
        {"Arrival Delay": "arrival_delay"},
        {"Late": "late", "Time of Day": "time_of_day", "TAIL NUM": "tail_num"},
    ),
    "spaces around": Task(
        {"  yes ": "yes", "no way ": "no way"}, {"no": "no", "\tmay be\n": "may be"}
    ),
    "five digits of a ZIP code": Task(
        {"12345-6789": "12345"}, {"00501-0001": "00501", "90210-1234": "90210"}
    ),
    "district of a British postcode": Task(
        {"SW1A 1AA": "SW1A", "M1 1AE": "M1"}, {"EC2V 7HH": "EC2V", "B33 8TH": "B33"}
    ),
    "area of a British postcode": Task(
        {"SW1A 1AA": "SW", "M1 1AE": "M"}, {"EC2V 7HH": "EC", "B33 8TH": "B"}
    ),
    "host of a URL": Task(
        {"https://example.com/a/b": "example.com", "http://x.org:80/": "x.org:80"},
        {"https://a.b.co/q?x=/1": "a.b.co", "ftp://files.net/z": "files.net"},
    ),
    "scheme of a URL": Task(
        {"https://example.com/a": "https"}, {"ftp://files.net/z": "ftp", "http://x.org": "http"}
    ),
    "value in a query": Task(
        {"/find?id=42&q=1": "42", "/a?q=ab c&id=7&z=1": "ab c"},
        {"/b2?x=y&id=13&z=0": "y", "/?k=1-2&v": "1-2"},
    ),
    "level of a log line": Task(
        {"2013-01-05 12:00:01 [ERROR] disk full": "ERROR"},
        {"2013-01-05 12:00:02 [WARN] [x] retry": "WARN", "2014-07-15 01:10:22 [INFO] ok": "INFO"},
    ),
    "text of a log line": Task(
        {
            "2013-01-05 12:00:01 [ERROR] disk full": "disk full",
            "2014-07-15 01:10:22 [INFO] ok": "ok",
        },
        {"2013-01-05 12:00:02 [WARN] retry in 5 s": "retry in 5 s"},
    ),
    "level and hour of a log line": Task(
        {"2013-01-05 12:00:01 [ERROR] disk full": "ERROR at 12"},
        {
            "2013-01-05 07:00:02 [WARN] retry": "WARN at 07",
            "2014-07-15 01:10:22 [INFO] ok": "INFO at 01",
        },
    ),
    "version without its patch": Task(
        {"v3.15.0": "3.15", "v0.2.11": "0.2"}, {"v10.0.1": "10.0", "v2.29.3": "2.29"}
    ),
    "second field of a CSV line": Task(
        {"7,Ada,London": "Ada", "3,Alan M.,Wilmslow": "Alan M."},
        {"12,Grace,New York": "Grace", "1,,Paris": ""},
    ),
    "text in brackets": Task(
        {"DC-9-82(MD-82)": "MD-82", "A (b c) d": "b c"}, {"x(y)": "y", "1 (2) 3 4": "2"}
    ),
    "Cyrillic surname": Task(
        {"Анна Каренина": "КАРЕНИНА"}, {"Лев Толстой": "ТОЛСТОЙ", "Иван Бунин": "БУНИН"}
    ),
}  # fmt: skip


def _row(texts):
    texts = texts if isinstance(texts, tuple) else (texts,)
    return {f"column {i}": text for i, text in enumerate(texts)}


@pytest.mark.parametrize("name", TASKS)
def test_holds_for_what_was_held_out(name):
    task = TASKS[name]
    inputs = [_row(texts) for texts in task.examples]
    data = [*inputs, *map(_row, task.held_out)]
    found = learn(name, inputs, list(task.examples.values()), data)
    given = [evaluate(found.program, OnPython(_row(texts))) for texts in task.held_out]
    assert given == list(task.held_out.values()), found.program


def test_there_are_many_tasks_with_few_examples():
    assert len(TASKS) >= 40
    assert sum(len(task.examples) <= 3 for task in TASKS.values()) >= 30
    assert all(task.held_out for task in TASKS.values())
