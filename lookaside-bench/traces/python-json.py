"""What traces/python-json.trace recorded: build records, write and parse JSON, group, sort, search."""
import json
import random
import re

random.seed(1)
words = [f"word{number:04}" for number in range(2000)]
records = [
    {
        "id": number,
        "name": " ".join(random.choices(words, k=3)),
        "tags": random.sample(words, k=random.randint(0, 5)),
        "price": random.randint(1, 100_000) / 100,
        "parts": [{"count": random.randint(1, 9), "of": random.choice(words)} for _ in range(random.randint(1, 3))],
    }
    for number in range(2600)
]
lines = [json.dumps(record) for record in records]
parsed = [json.loads(line) for line in lines]
assert parsed == records
groups = {}
for record in parsed:
    for tag in record["tags"]:
        groups.setdefault(tag, []).append(record)
best = {tag: sorted(group, key=lambda record: (record["price"], record["name"]))[:3] for tag, group in groups.items()}
pattern = re.compile(r"word(\d+)7\b")
found = [match.group(1) for line in lines for match in pattern.finditer(line)]
text = "\n".join(f"{tag:>10} {len(group):5} {best[tag][0]['name'].title()}" for tag, group in sorted(groups.items()))
print(len(records), len(groups), len(found), len(text))
