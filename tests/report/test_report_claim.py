import re

from rendered import rendered

from study.report.core.study_run import load
from study.report.sections import claim_checklist
from study.report.sections.claim_checklist import NUM_ITEMS


def numbers_of(text):
    """The numbers of the items in the table, and of those in the line beneath."""
    answered = [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    left = text.splitlines()[-1]
    spans = re.findall(r"\((\d+)(?: to (\d+))?\)", left)
    return answered, [number for first, last in spans for number in range(int(first), int(last or first) + 1)]


def test_every_item_of_the_checklist_is_answered_or_left_to_the_author_once(finished, multiclass):
    for drawn in (finished, multiclass):
        text = drawn.page[drawn.page.index("## For a paper") : drawn.page.index("## Words")].strip()
        answered, left = numbers_of(text)
        assert sorted([*answered, *left]) == list(range(1, NUM_ITEMS + 1))
        assert answered == sorted(answered)
        assert f"answer {len(answered)} of the 44 items" in text
        assert "ethics committee" in text.splitlines()[-1]


def test_the_answers_come_from_the_records(make_run):
    run = load(make_run(manifest={"dataset": {"group_meaning": "slide", "trimmed": True}, "image_size": 48}))
    text = rendered(claim_checklist, run)
    for words in (
        "| 4 | Aim | Which of lenet, alexnet and hahnet best tells",
        "| 6 | Goal | to compare 3 networks after equal searches, 8 trials each |",
        "all images of the data set but 1 (unreadable or known to be bad) and 12 (stands in the test split too)",
        "dark margins cut away, then resized to 48 x 48 px",
        "So do those of one slide.",
        "310 train, 56 val and 220 test; test is the data set's own test split",
        "all 220 test images that there are (210 groups)",
        "lenet 61,706",
        "8 trials a pair, up to 9 epochs, then 3 seed runs",
        "between networks 98.3 % each",
        "586 and 13 images",
    ):
        assert words in text


def test_networks_that_see_images_of_different_sizes_are_named_with_them(make_run):
    sizes = {"alexnet": {"image_size": 224}}
    run = load(make_run(manifest={"pairs": sizes}))
    apart = "64 x 64 px (lenet and hahnet) and 224 x 224 px (alexnet)"
    assert f"resized to {apart}; augmentation" in rendered(claim_checklist, run)


def test_one_network_is_tuned_and_compared_with_none(make_run):
    run = load(make_run(strengths={"lenet": 1.0}))
    text = rendered(claim_checklist, run)
    assert "| 6 | Goal | to tune one network |" in text
    assert "between networks" not in text


def test_weights_that_training_started_from_are_named(six):
    assert "| 24 | Initialization | resnet18 from ResNet18_Weights.IMAGENET1K_V1; else random |" in six.page


def test_before_test_there_is_nothing_to_report(make_run):
    run = load(make_run(stage="seeds"))
    assert rendered(claim_checklist, run) == ""
