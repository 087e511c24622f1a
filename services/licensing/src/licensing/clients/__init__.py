"""How the outside is asked: card processors."""

from licensing.clients.stripe import StripeProvider
from licensing.clients.stripe_http import StripeHttp

__all__ = ["StripeHttp", "StripeProvider"]
