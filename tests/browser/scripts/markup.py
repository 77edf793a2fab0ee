"""Answers <b>bold</b> things; <script>document.title = "owned"</script>."""

MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title = 'owned'</script>"


def init():
    print("ready " + MARKUP)


def run(data):
    if data == "bad":
        raise ValueError(MARKUP)
    return {"html": MARKUP, "data": data}
