"""What an invoice says, in the five languages of the product."""

from dataclasses import dataclass

from licensing.domain.vat import Category


@dataclass(frozen=True, slots=True)
class Words:
    invoice: str
    credit_note: str
    seller: str
    customer: str
    tax_id: str
    issued: str
    due: str
    month: str
    corrects: str
    reason: str
    lines: str
    device: str
    charged: str
    amount: str
    fees: str
    correction: str
    credit: str
    taxes: str
    tax: str
    net: str
    vat: str
    total: str
    pay: str
    """Holds {iban}, {bic} and {number}."""
    categories: dict[Category, str]


WORDS: dict[str, Words] = {
    "en": Words(
        invoice="Invoice",
        credit_note="Credit note",
        seller="Supplier",
        customer="Customer",
        tax_id="VAT id",
        issued="Issued",
        due="Payable by",
        month="Month of service",
        corrects="Corrects invoice",
        reason="Reason",
        lines="Camera licences",
        device="Camera",
        charged="Charged time",
        amount="Net",
        fees="Fees",
        correction="Correction",
        credit="Credit",
        taxes="VAT",
        tax="Rate",
        net="Net",
        vat="VAT",
        total="Total",
        pay="Please pay to {iban} (BIC {bic}) and give {number} as the reference.",
        categories={
            Category.STANDARD: "VAT {rate} ({country})",
            Category.REVERSE_CHARGE: "Reverse charge: VAT is due from the customer",
            Category.OUTSIDE: "Outside the scope of EU VAT",
            Category.EXEMPT: "Exempt from VAT",
        },
    ),
    "de": Words(
        invoice="Rechnung",
        credit_note="Gutschrift",
        seller="Leistungserbringer",
        customer="Kunde",
        tax_id="USt-IdNr.",
        issued="Ausgestellt am",
        due="Zahlbar bis",
        month="Leistungsmonat",
        corrects="Berichtigt Rechnung",
        reason="Grund",
        lines="Kameralizenzen",
        device="Kamera",
        charged="Berechnete Zeit",
        amount="Netto",
        fees="Gebühr",
        correction="Berichtigung",
        credit="Gutschrift",
        taxes="Umsatzsteuer",
        tax="Satz",
        net="Netto",
        vat="Steuer",
        total="Gesamtbetrag",
        pay="Bitte zahlen Sie auf das Konto {iban} (BIC {bic}), Verwendungszweck {number}.",
        categories={
            Category.STANDARD: "USt. {rate} ({country})",
            Category.REVERSE_CHARGE: "Steuerschuldnerschaft des Leistungsempfängers",
            Category.OUTSIDE: "Außerhalb des Anwendungsbereichs der EU-Umsatzsteuer",
            Category.EXEMPT: "Von der Umsatzsteuer befreit",
        },
    ),
    "cs": Words(
        invoice="Faktura",
        credit_note="Opravný daňový doklad",
        seller="Dodavatel",
        customer="Odběratel",
        tax_id="DIČ",
        issued="Datum vystavení",
        due="Datum splatnosti",
        month="Měsíc plnění",
        corrects="Opravuje fakturu",
        reason="Důvod",
        lines="Licence kamer",
        device="Kamera",
        charged="Účtovaná doba",
        amount="Bez DPH",
        fees="Poplatek",
        correction="Oprava",
        credit="Dobropis",
        taxes="DPH",
        tax="Sazba",
        net="Základ",
        vat="Daň",
        total="Celkem",
        pay="Zaplaťte prosím na účet {iban} (BIC {bic}) a uveďte variabilní symbol {number}.",
        categories={
            Category.STANDARD: "DPH {rate} ({country})",
            Category.REVERSE_CHARGE: "Daň odvede zákazník (přenesení daňové povinnosti)",
            Category.OUTSIDE: "Není předmětem DPH v EU",
            Category.EXEMPT: "Osvobozeno od DPH",
        },
    ),
    "es": Words(
        invoice="Factura",
        credit_note="Factura rectificativa",
        seller="Proveedor",
        customer="Cliente",
        tax_id="NIF-IVA",
        issued="Fecha de emisión",
        due="Fecha de vencimiento",
        month="Mes del servicio",
        corrects="Rectifica la factura",
        reason="Motivo",
        lines="Licencias de cámaras",
        device="Cámara",
        charged="Tiempo facturado",
        amount="Base",
        fees="Cuota",
        correction="Corrección",
        credit="Abono",
        taxes="IVA",
        tax="Tipo",
        net="Base imponible",
        vat="IVA",
        total="Total",
        pay="Realice el pago en la cuenta {iban} (BIC {bic}) e indique {number} como concepto.",
        categories={
            Category.STANDARD: "IVA {rate} ({country})",
            Category.REVERSE_CHARGE: "Inversión del sujeto pasivo",
            Category.OUTSIDE: "No sujeto al IVA de la UE",
            Category.EXEMPT: "Exento de IVA",
        },
    ),
    "fr": Words(
        invoice="Facture",
        credit_note="Avoir",
        seller="Prestataire",
        customer="Client",
        tax_id="N° de TVA",
        issued="Date d’émission",
        due="À régler au plus tard le",
        month="Mois de prestation",
        corrects="Rectifie la facture",
        reason="Motif",
        lines="Licences de caméras",
        device="Caméra",
        charged="Durée facturée",
        amount="Montant HT",
        fees="Redevance",
        correction="Rectification",
        credit="Avoir",
        taxes="TVA",
        tax="Taux",
        net="Base HT",
        vat="TVA",
        total="Total TTC",
        pay="Merci de régler sur le compte {iban} (BIC {bic}) en indiquant la référence {number}.",
        categories={
            Category.STANDARD: "TVA {rate} ({country})",
            Category.REVERSE_CHARGE: "Autoliquidation : TVA due par le preneur",
            Category.OUTSIDE: "Hors du champ de la TVA de l’UE",
            Category.EXEMPT: "Exonéré de TVA",
        },
    ),
}
