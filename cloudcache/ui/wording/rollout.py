"""What a store reads while the rollout does not include it."""

from __future__ import annotations

WAITING = "Your Cloudflare settings stay as they are"
WAITING_MORE = (
    "This page is opened to shops step by step, and it is not yet open for yours. Nothing changes at Cloudflare "
    "because of that, and a change that was under way is still carried out. The page opens by itself when it is "
    "your turn; you need not reload it."
)
WAITING_HELP = "Questions? Our support is there for you, now as before."
WAITING_SLOT = "This page is not open for your shop yet"
YOUR_TURN = "This page is open for your shop now"
YOUR_TURN_MORE = "Connect your Cloudflare zone to see its settings."
