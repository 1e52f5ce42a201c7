"""Made-up businesses of a dozen countries, in their own scripts. Any likeness to a real one is chance."""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Country:
    code: str
    language: str
    currency: str
    pattern: str  # of the name, from {stem}, {trade}
    stems: tuple  # (written, romanised)
    trades: tuple
    people: tuple  # (given, family)
    streets: tuple
    places: tuple  # (city, postal code, region)
    dialling: str
    branch: str
    street_pattern: str = "{street} {number}"

    def businesses(self):
        """All (name, domain stem) the parts give."""
        return [
            (self.pattern.format(stem=stem, trade=trade), f"{roman}-{trade_roman}")
            for (stem, roman), (trade, trade_roman) in product(self.stems, self.trades)
        ]


def _latin(*words):
    plain = str.maketrans("äöüßéèêàâçñóíúáëïøåÄÖÜÉ", "aousEeeaacnoiuaeioaAOUE".lower())
    return tuple((word, "".join(c for c in word.lower().translate(plain) if c.isalnum())) for word in words)


US = Country(
    "US", "en", "USD", "{stem} {trade}",
    _latin("Larkspur", "Cedar Hollow", "Bluewater", "Ironwood", "Prairie Star", "Maple Ridge", "Copper Creek",
           "Silver Fern", "O'Dwyer & Sons", "Tall Pines", "Redstone", "Kingfisher"),
    _latin("Supply LLC", "Outfitters Inc", "Logistics LLC", "Bakery", "Robotics Inc", "Landscaping", "Dental Group"),
    (("Ava", "Brennan"), ("Marcus", "Whitfield"), ("Denise", "O'Dwyer"), ("Tyler", "Okafor")),
    ("Alder Street", "Mission Road", "Harbor Boulevard", "Juniper Lane"),
    (("Portland", "97205", "OR"), ("Boise", "83702", "ID"), ("Tulsa", "74103", "OK"), ("Albany", "12207", "NY")),
    "+1 555", "Store", "{number} {street}",
)  # fmt: skip
GB = Country(
    "GB", "en", "GBP", "{stem} {trade}",
    _latin("Ashcombe", "Thistledown", "Wren & Daughters", "Blackthorn", "Penhallow", "Greyfriars", "Oakhanger",
           "Saltmarsh", "Harrowgate Mill", "Foxglove", "Tideswell", "Marrowbone"),
    _latin("Ltd", "Joinery Ltd", "Foods Ltd", "Print Works", "Engineering plc", "Nurseries", "Catering Ltd"),
    (("Imogen", "Ashcombe"), ("Callum", "Reid"), ("Priya", "Nair"), ("Siân", "Pryce")),
    ("Mill Lane", "Station Road", "Church Walk", "Quay Street"),
    (("Leeds", "LS1 4AP", ""), ("Bristol", "BS1 5TR", ""), ("Dundee", "DD1 3JT", ""), ("Cardiff", "CF10 2AF", "")),
    "+44 1632", "Branch", "{number} {street}",
)  # fmt: skip
DE = Country(
    "DE", "de", "EUR", "{stem} {trade}",
    _latin("Müller & Söhne", "Bäckermann", "Grünwald", "Schönfeld", "Weißbach", "Lörrmann", "Königstein",
           "Brückner", "Täuber", "Hölzl", "Strüver", "Eichendorff"),
    _latin("GmbH", "Maschinenbau GmbH", "Elektrotechnik KG", "Großhandel", "Möbel GmbH", "Spedition OHG"),
    (("Jürgen", "Schönfeld"), ("Käthe", "Weiß"), ("Anneliese", "Brückner"), ("Björn", "Täuber")),
    ("Lindenstraße", "Am Mühlbach", "Königsallee", "Goethestraße"),
    (("Köln", "50667", ""), ("München", "80331", ""), ("Görlitz", "02826", ""), ("Lübeck", "23552", "")),
    "+49 30 23125", "Filiale",
)  # fmt: skip
AT = Country(
    "AT", "de", "EUR", "{stem} {trade}",
    _latin("Österleitner", "Gruberhof", "Alpenglück", "Wäldle", "Donauer", "Zirbenholz"),
    _latin("GmbH", "Tischlerei", "Weinbau KG", "Sport GmbH"),
    (("Leopold", "Gruber"), ("Zäzilia", "Wallner")),
    ("Ringstraße", "Obere Gasse"),
    (("Graz", "8010", ""), ("Dornbirn", "6850", ""), ("Wien", "1010", "")),
    "+43 1 5550", "Filiale",
)  # fmt: skip
FR = Country(
    "FR", "fr", "EUR", "{trade} {stem}",
    _latin("Chênevert", "François & Fils", "Beauséjour", "Lévêque", "Saint-Élie", "Hérault Frères", "Vallon Doré",
           "Garçonnet", "Clairière", "Montbriçon"),
    _latin("Établissements", "Boulangerie", "Menuiserie", "Société Générale d'Étanchéité", "Ateliers", "Vignobles"),
    (("Élodie", "Lévêque"), ("François", "Garçonnet"), ("Zoé", "Delacroix"), ("Jérôme", "Noël")),
    ("rue des Tilleuls", "avenue de la Gare", "place du Marché", "chemin Vert"),
    (("Lyon", "69002", ""), ("Béziers", "34500", ""), ("Orléans", "45000", ""), ("Besançon", "25000", "")),
    "+33 1 99 00", "Succursale", "{number} {street}",
)  # fmt: skip
ES = Country(
    "ES", "es", "EUR", "{trade} {stem}",
    _latin("Muñoz Ibáñez", "Peñalara", "Hermanos Núñez", "Río Seco", "Los Álamos", "Compañía del Sur", "Castaño",
           "Gómez-Acebo"),
    _latin("Construcciones", "Aceites", "Cerámica", "Transportes", "Diseños", "Electrónica"),
    (("Íñigo", "Muñoz"), ("Begoña", "Núñez"), ("María José", "Castaño")),
    ("Calle Mayor", "Avenida de la Constitución", "Paseo del Río"),
    (("Málaga", "29001", ""), ("Logroño", "26001", ""), ("Cádiz", "11001", "")),
    "+34 910 00", "Sucursal",
)  # fmt: skip
NL = Country(
    "NL", "nl", "EUR", "{stem} {trade}",
    _latin("Van der Heijden", "De Oude Molen", "Zuiderzee", "Brouwer & Zn.", "Tulpenhof", "Ijsselstein", "Hoogland",
           "Koopmans"),
    _latin("B.V.", "Installatietechniek B.V.", "Bloemen", "Scheepswerf", "Zuivel B.V."),
    (("Maartje", "van der Heijden"), ("Joost", "de Vries"), ("Anoek", "Koopmans")),
    ("Kerkstraat", "Dorpsweg", "Prinsengracht"),
    (("Utrecht", "3511 AB", ""), ("Groningen", "9711 LM", ""), ("Delft", "2611 GV", "")),
    "+31 20 555 0", "Vestiging",
)  # fmt: skip
JP = Country(
    "JP", "en", "JPY", "株式会社{stem}{trade}",
    (("桜", "sakura"), ("青葉", "aoba"), ("山吹", "yamabuki"), ("白鷺", "shirasagi"), ("東風", "kochi"),
     ("若竹", "wakatake")),
    (("商事", "shoji"), ("工業", "kogyo"), ("食品", "shokuhin"), ("製作所", "seisakusho")),
    (("健一", "佐々木"), ("美咲", "高橋"), ("直樹", "小野寺")),
    ("桜丘町", "本町通り", "中央"),
    (("仙台市", "980-0811", "宮城県"), ("金沢市", "920-0962", "石川県"), ("神戸市", "650-0021", "兵庫県")),
    "+81 3 5550", "支店", "{street}{number}番地",
)  # fmt: skip
KW = Country(
    "KW", "en", "KWD", "شركة {stem} {trade}",
    (("النور", "alnoor"), ("الواحة", "alwaha"), ("الصقر", "alsaqr"), ("اللؤلؤة", "allulua"), ("الميناء", "almina")),
    (("للتجارة", "trading"), ("للمقاولات", "contracting"), ("للأغذية", "foods"), ("للنقل", "transport")),
    (("ليلى", "العبدالله"), ("يوسف", "الفهد")),
    ("شارع الخليج", "شارع السالمية"),
    (("مدينة الكويت", "13001", ""), ("السالمية", "22001", "")),
    "+965 2200", "فرع",
)  # fmt: skip
GR = Country(
    "GR", "en", "EUR", "{stem} {trade}",
    (("Αιγαίο", "aigaio"), ("Όλυμπος", "olympos"), ("Ελαιώνας", "elaionas"), ("Μέλισσα", "melissa"),
     ("Βορράς", "vorras")),
    (("Εμπορική ΑΕ", "emporiki"), ("Τρόφιμα ΕΠΕ", "trofima"), ("Ναυτιλιακή", "naftiliaki"), ("Εκδόσεις", "ekdoseis")),
    (("Ελένη", "Παπαδάκη"), ("Γιώργος", "Αλεξίου")),
    ("Οδός Ερμού", "Λεωφόρος Νίκης"),
    (("Αθήνα", "105 63", ""), ("Θεσσαλονίκη", "546 24", "")),
    "+30 21 0550", "Υποκατάστημα",
)  # fmt: skip
BG = Country(
    "BG", "en", "EUR", "{stem} {trade}",
    (("Северен вятър", "severen-vyatar"), ("Розова долина", "rozova-dolina"), ("Орфей", "orfei"),
     ("Черноморие", "chernomorie"), ("Тракия", "trakia")),
    (("ЕООД", "eood"), ("Строй ООД", "stroy"), ("Машини АД", "mashini"), ("Текстил", "tekstil")),
    (("Иван", "Димитров"), ("Цветелина", "Йорданова")),
    ("ул. Шипка", "бул. Витоша"),
    (("София", "1000", ""), ("Пловдив", "4000", "")),
    "+359 2 905", "Клон",
)  # fmt: skip
IL = Country(
    "IL", "en", "USD", "{stem} {trade}",
    (("אור ים", "or-yam"), ("הגליל", "hagalil"), ("תמר ובניו", "tamar"), ("צפון", "tzafon"), ("ארז", "erez")),
    (("בע״מ", "ltd"), ("שיווק", "shivuk"), ("הנדסה", "handasa"), ("יזמות", "yazamut")),
    (("נועה", "לוי"), ("איתן", "ברק")),
    ("רחוב הרצל", "שדרות בן גוריון"),
    (("חיפה", "3303139", ""), ("באר שבע", "8410101", "")),
    "+972 3 555", "סניף",
)  # fmt: skip

# How often each country comes up among a hundred customers, by the seat of the company whose books they are.
SHARES = {
    "US": (
        (US, 32),
        (GB, 9),
        (DE, 12),
        (AT, 3),
        (FR, 9),
        (ES, 7),
        (NL, 6),
        (JP, 7),
        (KW, 5),
        (GR, 3),
        (BG, 3),
        (IL, 4),
    ),
    "GB": (
        (GB, 30),
        (US, 8),
        (DE, 14),
        (AT, 3),
        (FR, 10),
        (ES, 8),
        (NL, 8),
        (JP, 5),
        (KW, 5),
        (GR, 4),
        (BG, 3),
        (IL, 2),
    ),
}
GOODS = {
    "en": (
        "Consulting, half day",
        "Delivery",
        "Oak shelf, made to measure",
        "Maintenance contract",
        "Spare parts",
    ),
    "de": (
        "Beratung, halber Tag",
        "Lieferung frei Haus",
        "Wartungsvertrag",
        "Ersatzteile",
        "Maßanfertigung Eiche",
    ),
    "fr": (
        "Conseil, demi-journée",
        "Livraison",
        "Contrat d'entretien",
        "Pièces détachées",
        "Étagère en chêne",
    ),
    "es": ("Asesoría, media jornada", "Envío", "Contrato de mantenimiento", "Piezas de recambio", "Diseño"),
    "nl": ("Advies, dagdeel", "Levering", "Onderhoudscontract", "Onderdelen", "Eiken plank op maat"),
}
