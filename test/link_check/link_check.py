#!/usr/bin/env python3
"""Follows every relative link of every Markdown file: it must lead to a file of the repository, and to a heading there.

usage: link_check.py REPOSITORY
"""
import os
import re
import sys
import tempfile

SKIPPED = {"build", ".git", ".cache"}
FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?^ {0,3}\1[`~]*[ ]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
INLINE = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^\s()<>]+(?:\([^\s()]*\))?)>?(?:\s+[\"'][^\"']*[\"'])?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^\s<>]+)>?", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}[ ]+(.*?)[ ]*#*$", re.MULTILINE)


def prose(text):
    """Without what Markdown shows as it stands."""
    return CODE.sub("", FENCE.sub("", text))


def links(text):
    text = prose(text)
    return INLINE.findall(text) + REFERENCE.findall(text)


def anchors(text):
    """The names that GitHub gives the headings."""
    found = {}
    names = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = found[name] = found.get(name, -1) + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def problem(root, path, link):
    """What is wrong with a link of the file `path`, or None."""
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return None  # another place's business
    name, _, anchor = link.partition("#")
    if name.startswith("/"):
        return "not relative"
    target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if target.startswith(".."):
        return "leads out of the repository"
    if target.split(os.sep)[0] in SKIPPED:
        return "is not part of the repository"
    full = os.path.join(root, target)
    if not os.path.exists(full):
        return "no such file"
    if anchor and target.endswith(".md"):
        with open(full, encoding="utf-8") as file:
            if anchor not in anchors(file.read()):
                return "no such heading"
    return None


def markdown_files(root):
    for where, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED]
        for name in names:
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(where, name), root)


def check(root):
    """(files, links, lines about what is wrong)"""
    files, count, wrong = 0, 0, []
    for path in sorted(markdown_files(root)):
        files += 1
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        for link in links(text):
            count += 1
            if what := problem(root, path, link):
                wrong.append(f"{path}: {link}: {what}")
    return files, count, wrong


def self_test():
    """What must be found, and what must not."""
    text = """# The `first` part: one
[a](b.md) [b](sub/c.md#two--half) [c](#the-first-part-one) [d](https://example.org/x) ![p](p.png "title") [q [r]](sub/)
`[code](gone.md)` ``[code`](gone.md)``
```
[fenced](gone.md)
```
[gone](gone.md) [up](../x.md) [root](/b.md) [heading](b.md#none) [twice](sub/c.md#two--half-1) [e][ref]
[built](build/x.md)

[ref]: missing.md
"""
    want = {"gone.md": "no such file", "../x.md": "leads out of the repository", "/b.md": "not relative",
            "b.md#none": "no such heading", "missing.md": "no such file", "build/x.md": "is not part of the repository"}
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "sub"))
        os.makedirs(os.path.join(root, "build"))
        for name, content in {"a.md": text, "b.md": "", "p.png": "", "sub/c.md": "## two & half\n## two & half\n",
                              "build/x.md": "[x](gone.md)"}.items():
            with open(os.path.join(root, name), "w") as file:
                file.write(content)
        files, count, wrong = check(root)
    expected = sorted(f"a.md: {link}: {what}" for link, what in want.items())
    if (files, count, sorted(wrong)) != (3, 13, expected):
        sys.exit(f"self test: {files} files, {count} links, {sorted(wrong)}; expected {expected}")


def main():
    self_test()
    files, count, wrong = check(sys.argv[1])
    for line in wrong:
        print(line)
    print(f"{files} files, {count} links, {len(wrong)} wrong")
    if files == 0 or count == 0:
        sys.exit("no links at all: is this the repository?")
    sys.exit(1 if wrong else 0)


main()
