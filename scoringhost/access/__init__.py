"""Who may come in: guards that see the head of a request before its body is read.

`forwarded` learns who is behind a proxy, `credentials` asks for a key or a token, `rate_limit` counts; in that
order. None of them is there unless a setting asks for it.
"""
