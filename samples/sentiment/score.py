"""How a text feels: an undecorated run() gets the body of the request as a string."""

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

POSITIVE, NEGATIVE = 0.05, -0.05
"""The limits that VADER's authors recommend for its compound score."""

MODEL: dict[str, SentimentIntensityAnalyzer] = {}


def init():
    MODEL["vader"] = SentimentIntensityAnalyzer()
    print(f"VADER knows {len(MODEL['vader'].lexicon)} words")


def run(raw_data):
    return [classified(line) for line in raw_data.splitlines() if line.strip()]


def classified(text):
    score = MODEL["vader"].polarity_scores(text)["compound"]
    feeling = "positive" if score >= POSITIVE else "negative" if score <= NEGATIVE else "neutral"
    return {"text": text, "feeling": feeling, "score": score}
