"""The calls Cloudflare allows, as pure bookkeeping: who may call now, who waits, and for how long.

    address  200 calls in any second, shared by everything this machine sends
    bucket   per credential: burst + 300 s x refill = 1,000 calls in any 300 s, below Cloudflare's 1,200,
             because the merchant clicks in the dashboard too; corrected downwards by what replies report
    classes  write > watched > feed > sweep. A sweep never takes the last 30 % of a bucket, a watched or feed read
             never the last 15 %, and no read the last 5 % of the address's second: a click finds calls left
             while all is being read
    queue    per credential: by class, and within a class the customers take turns, so that one merchant's
             10,000 flips delay another's one by a single call; at the address the credentials take turns
    block    after a 429 no call goes until it opens; then one probe goes, and its answer decides. Whatever ends the
             probe frees its place: an answer, an error, a cancellation, a change that was superseded meanwhile

Who can starve: reads while writes take the whole refill. That is what the reserves are for, and it ends with the
load. The audit-log follower has the reserve of watched reads and every tenth turn among them, because a token with
many open pages would else never hear what changed elsewhere. Sweeps have every twentieth turn among the reads of a
token, which then stop until the bucket holds what sweeps leave: open pages cannot take a platform's token for
themselves.

Time is an argument (`now`, Unix milliseconds) and may jump either way: a clock set back grants nothing extra.
"""

from __future__ import annotations

from cloudcache.domain.budget.bucket import Standing
from cloudcache.domain.budget.ledger import Ledger
from cloudcache.domain.budget.limits import CallClass, Lane, Limits, backoff_ms
from cloudcache.domain.budget.queue import READS_PER_SWEEP, WATCHED_PER_FEED, Ticket

__all__ = [
    "READS_PER_SWEEP",
    "WATCHED_PER_FEED",
    "CallClass",
    "Lane",
    "Ledger",
    "Limits",
    "Standing",
    "Ticket",
    "backoff_ms",
]
