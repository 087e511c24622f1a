"""The plans that ship: what there is before staff changes anything. A version once shipped never changes."""

from licensing.domain.plans import AddOn, Plan, Recording

MORE_RETENTION = AddOn(
    key="retention_30",
    names={
        "en": "30 more days of archive",
        "de": "30 Tage längeres Archiv",
        "cs": "Archiv o 30 dní delší",
        "es": "30 días más de archivo",
        "fr": "30 jours d’archives en plus",
    },
    simultaneous_accesses=0,
    retention_days=30,
    analytics=(),
    prices={"EUR": 200, "USD": 220, "GBP": 180, "CHF": 200, "CZK": 5_000, "PLN": 900, "JPY": 320},
)
MORE_ACCESSES = AddOn(
    key="accesses_5",
    names={
        "en": "5 more simultaneous viewers",
        "de": "5 weitere gleichzeitige Zugriffe",
        "cs": "O 5 souběžných přístupů více",
        "es": "5 accesos simultáneos más",
        "fr": "5 accès simultanés en plus",
    },
    simultaneous_accesses=5,
    retention_days=0,
    analytics=(),
    prices={"EUR": 100, "USD": 110, "GBP": 90, "CHF": 100, "CZK": 2_500, "PLN": 450, "JPY": 160},
)
BASIC = Plan(
    name="basic",
    version=1,
    names={"en": "Basic", "de": "Basis", "cs": "Základní", "es": "Básico", "fr": "Essentiel"},
    description="Live view, recorded on the camera when something moves",
    primary_function="live_view",
    simultaneous_accesses=2,
    live_view=True,
    remote_recording=Recording("off", 0),
    local_recording=Recording("on_motion", 7),
    retention_days=0,
    analytics=(),
    prices={"EUR": 200, "USD": 220, "GBP": 180, "CHF": 200, "CZK": 5_000, "PLN": 900, "JPY": 320},
    add_ons=(MORE_ACCESSES,),
)
STANDARD = Plan(
    name="standard",
    version=1,
    names={"en": "Standard", "de": "Standard", "cs": "Standard", "es": "Estándar", "fr": "Standard"},
    description="Surveillance with 30 days of archive on our servers",
    primary_function="video_surveillance",
    simultaneous_accesses=5,
    live_view=True,
    remote_recording=Recording("on_motion", 30),
    local_recording=Recording("continuous", 7),
    retention_days=30,
    analytics=("motion",),
    prices={"EUR": 500, "USD": 550, "GBP": 450, "CHF": 500, "CZK": 12_500, "PLN": 2_200, "JPY": 800},
    add_ons=(MORE_RETENTION, MORE_ACCESSES),
)
PREMIUM = Plan(
    name="premium",
    version=1,
    names={"en": "Premium", "de": "Premium", "cs": "Premium", "es": "Premium", "fr": "Premium"},
    description="Recorded round the clock and searched: lines crossed, licence plates",
    primary_function="video_analytics",
    simultaneous_accesses=20,
    live_view=True,
    remote_recording=Recording("continuous", 90),
    local_recording=Recording("continuous", 30),
    retention_days=90,
    analytics=("motion", "line_crossing", "licence_plates"),
    prices={
        "EUR": 1_500,
        "USD": 1_650,
        "GBP": 1_300,
        "CHF": 1_500,
        "CZK": 37_500,
        "PLN": 6_500,
        "JPY": 2_400,
    },
    add_ons=(MORE_RETENTION, MORE_ACCESSES),
)
SHIPPED = (BASIC, STANDARD, PREMIUM)
DEFAULT = STANDARD.name
"""The plan that a camera begins with."""
