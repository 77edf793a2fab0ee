from flask import has_request_context, request, session


def seen():
    return [has_request_context(), request.path, request.args.get("a"), len(session), request.url_rule.endpoint]
