"""What a store reads while the rollout does not include it."""

from __future__ import annotations

WAITING = "Coming soon to your store"
WAITING_MORE = (
    "We’re rolling this out gradually. Your Cloudflare settings won’t change in the meantime, apart from "
    "changes you already requested. This page opens automatically when your store is included."
)
WAITING_HELP = "Have a question?"
WAITING_SLOT = "Not available for your store yet"
YOUR_TURN = "Cloudflare settings are ready for your store"
YOUR_TURN_MORE = "Connect your Cloudflare zone to see its settings."
