"""What a text costs at least, held against the tokenizer whose tables are public."""

from __future__ import annotations

import pytest

from sidecar.money import encodings
from sidecar.spending.settlement import least_tokens

TEXTS = {
    "formal english": "International organizations responsible for environmental sustainability emphasized it. ",
    "long words": "internationalization characteristics responsibilities telecommunications ",
    "bengali": "বাংলাদেশের মানুষ তাদের ভাষা এবং সংস্কৃতির জন্য গর্বিত এবং তারা সংগ্রাম করেছে। ",
    "hindi": "भारत के प्रधानमंत्री ने कहा कि सरकार किसानों के विकास के लिए काम कर रही है। ",
    "thai": "ประเทศไทยเป็นประเทศที่มีวัฒนธรรมและประวัติศาสตร์ยาวนาน ",
    "russian": "Правительство Российской Федерации рассматривает предложения министерства здравоохранения. ",
    "georgian": "საქართველოს პარლამენტის თავმჯდომარე განცხადება გააკეთა ურთიერთობების შესახებ ",
    "japanese": "日本国憲法は、国民主権、基本的人権の尊重、平和主義を基本原理としている。",
    "indented code": "                        return self.configuration\n",
    "tabs": "\t" * 40 + "x\n",
    "a table": "|----------------|----------------|----------------|\n",
    "a rule": "=" * 80 + "\n",
    "one long rule": "=" * 1_000,
    "empty lines": "a\n\n\n\n\n\n",
    "boxes": "┌────────┬────────┐\n│        │        │\n",
    "emoji": "👨‍👩‍👧‍👦🎉🎉🎉",
}


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_is_of_fewer_tokens_than_its_least(text: str, name: str) -> None:
    encoding = encodings.load(name)
    if encoding is None:
        pytest.skip("there is no build of the tokenizer for this platform")
    for times in (1, 20):
        assert least_tokens(text * times) <= encodings.count(encoding, text * times)


def test_the_least_of_ordinary_english_is_most_of_it() -> None:
    encoding = encodings.load("o200k_base")
    if encoding is None:
        pytest.skip("there is no build of the tokenizer for this platform")
    text = "The quick brown fox jumps over the lazy dog, and then it goes home to have its dinner. " * 20
    assert least_tokens(text) > 0.7 * encodings.count(encoding, text)
