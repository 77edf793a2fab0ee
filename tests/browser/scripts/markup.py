import logging

MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title = 'owned'</script>"


def init():
    logging.getLogger("markup").warning("ready %s", MARKUP)


def run(data):
    """Answers <b>bold</b> things; <script>document.title = "owned"</script>."""
    if "bad" in data:
        raise ValueError(MARKUP)
    return {"html": MARKUP, "data": data}
