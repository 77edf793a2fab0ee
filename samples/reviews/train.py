"""Train a tiny BERT from nothing on made-up restaurant reviews, and keep it as Hugging Face's libraries do.

    pip install -r requirements.txt
    python train.py

It shows the shape, not the state of the art: put any sequence classification model that `save_pretrained` has
written, with its tokenizer, into `model/`, and score.py serves it as it is.
"""

import itertools
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

MODEL = Path(__file__).parent / "model"
LABELS = ("negative", "positive")

THINGS = [
    "the food",
    "the soup",
    "our waiter",
    "the service",
    "the wine",
    "my dessert",
    "the view",
    "the music",
    "the bread",
    "the table",
]
GOOD = ["great", "excellent", "lovely", "delicious", "wonderful", "friendly", "fresh", "perfect", "charming", "superb"]
BAD = ["awful", "terrible", "cold", "stale", "rude", "slow", "disgusting", "bland", "dirty", "overpriced"]
FORMS = [
    "{0} was {1}",
    "{0} was really {1}",
    "what {1} company : {0}",
    "i found {0} {1}",
    "honestly , {0} is {1} here",
    "{0} {1}",
]


def reviews() -> list[tuple[str, int]]:
    """Sentences with their label: 1 for praise, 0 for a complaint."""
    found = [
        (form.format(thing, word), int(word in GOOD))
        for form, thing, word in itertools.product(FORMS, THINGS, GOOD + BAD)
    ]
    random.Random(0).shuffle(found)
    return found


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer with the vocabulary of the texts."""
    pieces = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    )
    ends = [(name, pieces.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    pieces.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        model_max_length=64,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def train(epochs: int = 4) -> tuple[BertForSequenceClassification, PreTrainedTokenizerFast, float]:
    """The trained model, its tokenizer, and the accuracy on sentences that it has not seen."""
    torch.manual_seed(0)
    data = reviews()
    seen, unseen = data[: len(data) * 3 // 4], data[len(data) * 3 // 4 :]
    tokenizer = tokenizer_of([text for text, _ in seen])
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            id2label=dict(enumerate(LABELS)),
            label2id={label: number for number, label in enumerate(LABELS)},
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002)
    model.train()
    for _ in range(epochs):
        for at in range(0, len(seen), 32):
            texts, labels = zip(*seen[at : at + 32], strict=True)
            optimizer.zero_grad()
            tokens = tokenizer(list(texts), padding=True, return_tensors="pt")
            model(**tokens, labels=torch.tensor(labels)).loss.backward()
            optimizer.step()
    model.eval()
    texts, labels = zip(*unseen, strict=True)
    with torch.inference_mode():
        found = model(**tokenizer(list(texts), padding=True, return_tensors="pt")).logits.argmax(dim=1)
    return model, tokenizer, float((found == torch.tensor(labels)).float().mean())


if __name__ == "__main__":
    trained, pieces, accuracy = train()
    trained.save_pretrained(MODEL)
    pieces.save_pretrained(MODEL)
    print(f"wrote {MODEL}; accuracy on unseen sentences: {accuracy:.3f}")
