"""The accounts of a hub: who may log in, with what, and what he is then.

`accounts` puts it together; `users_file` and `directory` know people by their passwords, `sessions` keeps the tokens
that they get for them, and `issued` believes tokens that somebody else has issued.
"""

from scoringhost.hub.accounts.accounts import Accounts
from scoringhost.hub.accounts.made import accounts_of
from scoringhost.hub.accounts.sessions import TokenPair

__all__ = ["Accounts", "TokenPair", "accounts_of"]
