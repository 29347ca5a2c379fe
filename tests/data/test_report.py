"""How far work is, told by its parts."""

from latentlab.data.report import SCALE, Counted, Part, Rising, say


class Told:
    def __init__(self):
        self.steps, self.said = [], []

    def __call__(self, done, total):
        self.steps.append((done, total))

    def say(self, what):
        self.said.append(what)


def test_a_part_is_its_share_of_the_whole():
    told = Told()
    part = Part(Part(told, 0.5, 1), 0, 0.5)
    for done, total in ((0, 10), (5, 10), (10, 10), (11, 10), (0, 0)):
        part(done, total)
    assert told.steps == [(round(SCALE * share), SCALE) for share in (0.5, 0.625, 0.75, 0.75, 0.75)]


def test_what_goes_on_is_told_through_parts_to_whoever_listens():
    told = Told()
    say(Rising(Part(told, 0, 0.5)), "Reading")
    say(Part(lambda done, total: None, 0, 1), "nobody listens")
    assert told.said == ["Reading"] and told.steps == []


def test_what_rises_stands_still_where_work_begins_anew():
    told = Told()
    rising = Rising(told)
    for done in (0, 3, 1, 2, 4):
        rising(done, 5)
    assert told.steps == [(0, 5), (3, 5), (3, 5), (3, 5), (4, 5)]


def test_things_done_are_counted():
    told = Told()
    counted = Counted(told, 5)
    counted.look()
    counted.add(2)
    counted.look()
    counted.add(3)
    assert told.steps == [(0, 5), (2, 5), (2, 5), (5, 5)]
