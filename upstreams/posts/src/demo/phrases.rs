//! What the people of the demo are called, and what they write about.
//!
//! In a text `{city}` is where it was written, `{tag}` a hashtag and `{thing}` one of the things that people
//! who write in this language write about.

/// First names.
pub(super) const FIRST_NAMES: [&str; 48] = [
    "Ada", "Aiko", "Amir", "Ana", "Ben", "Bruno", "Carla", "Chidi", "Clara", "Dana", "Diego",
    "Elif", "Emma", "Enzo", "Eva", "Farid", "Fatou", "Greta", "Hana", "Hugo", "Ines", "Ivan",
    "Jana", "Jonas", "Kai", "Kemal", "Lea", "Leo", "Lin", "Luca", "Maya", "Mei", "Milan", "Nadia",
    "Nils", "Noor", "Olga", "Omar", "Pia", "Priya", "Rosa", "Sami", "Sofia", "Tariq", "Tomas",
    "Uma", "Wei", "Yuki",
];

/// Last names.
pub(super) const LAST_NAMES: [&str; 48] = [
    "Abe", "Adler", "Alves", "Baker", "Banda", "Bauer", "Blanc", "Brown", "Chen", "Costa", "Cruz",
    "Diaz", "Duarte", "Evans", "Faber", "Ferri", "Fox", "Garcia", "Gray", "Haas", "Ito", "Jensen",
    "Kaya", "Khan", "Kim", "Klein", "Lam", "Leroy", "Lima", "Lopez", "Mbeki", "Mori", "Moore",
    "Nair", "Novak", "Okoro", "Perez", "Petit", "Reyes", "Rossi", "Sato", "Silva", "Singh",
    "Tanaka", "Ueda", "Vidal", "Wong", "Yang",
];

/// What somebody says of themselves, before "in" and the city.
pub(super) const BIOS: [&str; 12] = [
    "Coffee, code and bicycles",
    "I take pictures of doors",
    "Nurse. Runner. Reader",
    "Looking for the best noodles",
    "Maps and other distractions",
    "Teaching history",
    "Half of a band nobody knows",
    "Birds, mostly",
    "Architecture student",
    "Writes about football",
    "Gardening on a balcony",
    "Always on the wrong train",
];

/// What is written in the valleys below Mount Everest, and where, in degrees.
pub(super) const KHUMBU: [(&str, f64, f64); 4] = [
    ("The first plane of the day has landed in Lukla", 27.6869, 86.7298),
    ("Two days of rain on the path from Jiri, and tea at the end of each", 27.6305, 86.2310),
    ("Market day in Namche, yaks have right of way #trekking", 27.8069, 86.7140),
    ("Clouds below us, peaks above. Good morning from Phaplu", 27.5178, 86.5853),
];

/// Hashtags that are always around.
pub(super) const TAGS: [&str; 14] = [
    "coffee",
    "food",
    "music",
    "football",
    "rain",
    "sunset",
    "bikes",
    "books",
    "art",
    "streetfood",
    "running",
    "weekend",
    "photography",
    "travel",
];

/// Hashtags of a day each, the last being today's.
pub(super) const TRENDS: [&str; 7] = [
    "MusicFriday",
    "CityMarathon",
    "BookFair",
    "GameNight",
    "RooftopCinema",
    "MeteorShower",
    "BlueMoon",
];

/// What is written at the university.
pub(super) const CAMPUS: [&str; 12] = [
    "Powell Library at night is the only place where I get anything done",
    "Office hours on the Hill were packed today {tag}",
    "Who else has the distributed systems midterm tomorrow?",
    "Bruin Walk is full of flyers again",
    "Free pizza at Boelter Hall, 2nd floor. You are welcome",
    "The squirrels in the sculpture garden have no fear at all",
    "Lost: blue water bottle near Royce Hall. Found: another one",
    "Our herd of servers survived the demo! #ucla #servers",
    "Kerckhoff coffee line: 25 minutes. Worth it {tag}",
    "Sunset from Janss Steps, every time {tag}",
    "The Westwood bus is late, so am I",
    "Study group in Young Library at 7, bring snacks #ucla",
];

/// How people answer.
pub(super) const ANSWERS: [&str; 10] = [
    "same here!",
    "where exactly?",
    "haha, true",
    "I was there an hour ago, missed you",
    "save me a seat",
    "pictures please",
    "not what I heard, but fine :)",
    "agreed {tag}",
    "thanks for the tip",
    "next time call me!",
];

/// What people write in one language.
#[derive(Debug)]
pub(super) struct Language {
    /// ISO 639-1.
    pub(super) code: &'static str,
    /// Countries where people write in it, as GeoNames calls them in English.
    pub(super) countries: &'static [&'static str],
    /// What they write about.
    pub(super) things: &'static [&'static str],
    /// What they write.
    pub(super) texts: &'static [&'static str],
}

/// English comes first, and stands for countries that are not listed.
pub(super) const LANGUAGES: [Language; 10] = [
    Language {
        code: "en",
        countries: &[],
        things: &[
            "tacos",
            "the new museum",
            "ramen",
            "a bike shop",
            "live jazz",
            "the farmers market",
            "espresso",
            "a bookshop",
            "dumplings",
            "the night bus",
            "a street fair",
            "the old harbour",
        ],
        texts: &[
            "Found {thing} in {city}. Best day this week {tag}",
            "Anybody up for {thing} tonight in {city}?",
            "{city} in the rain is still {city} {tag}",
            "Stuck in traffic again. {city}, why?",
            "Morning run through {city}, 8 km done {tag}",
            "Can somebody explain {thing} to me? Everyone in {city} talks about it",
            "Good morning {city}!",
            "The light over {city} right now {tag}",
            "I came for {thing} and stayed for the people. {city} {tag}",
            "Power cut in our street, candles and {thing} it is",
            "Waiting for the train in {city}, 20 minutes late",
            "No better place for {thing} than {city} {tag}",
            "First day back in {city}, what did I miss?",
            "Why did nobody tell me about {thing}? {tag}",
            "Moving flats this weekend, who has a van? {city}",
            "Concert tonight, doors at 8! {city} {tag}",
        ],
    },
    Language {
        code: "es",
        countries: &[
            "Spain",
            "Mexico",
            "Argentina",
            "Colombia",
            "Peru",
            "Chile",
            "Venezuela",
            "Ecuador",
            "Cuba",
        ],
        things: &[
            "tacos",
            "un buen café",
            "el mercado",
            "una librería",
            "música en vivo",
            "el partido",
        ],
        texts: &[
            "Buenos días, {city} {tag}",
            "¿Alguien para {thing} esta noche en {city}?",
            "Encontré {thing} cerca del centro de {city} {tag}",
            "Otra vez atascado en el tráfico de {city}",
            "La luz de {city} a esta hora {tag}",
            "Nada como {thing} un domingo en {city}",
            "Llueve en {city} y no traje paraguas",
        ],
    },
    Language {
        code: "pt",
        countries: &["Brazil", "Portugal", "Angola", "Mozambique"],
        things: &[
            "pão de queijo",
            "um café",
            "a feira",
            "o jogo",
            "música ao vivo",
            "uma livraria",
        ],
        texts: &[
            "Bom dia, {city}! {tag}",
            "Alguém pra {thing} hoje à noite em {city}?",
            "Achei {thing} aqui em {city} {tag}",
            "Trânsito parado em {city}, de novo",
            "Que pôr do sol em {city} {tag}",
            "Nada melhor que {thing} no fim de semana",
            "Chuva em {city} e eu sem guarda-chuva",
        ],
    },
    Language {
        code: "fr",
        countries: &[
            "France",
            "Senegal",
            "Ivory Coast",
            "Belgium",
            "Cameroon",
            "Democratic Republic of the Congo",
        ],
        things: &[
            "un croissant",
            "le marché",
            "une librairie",
            "un concert",
            "un bon café",
            "le match",
        ],
        texts: &[
            "Bonjour {city} {tag}",
            "Qui vient pour {thing} ce soir à {city} ?",
            "Trouvé {thing} au coin de la rue, {city} {tag}",
            "Encore des embouteillages à {city}",
            "La lumière sur {city} ce soir {tag}",
            "Rien de mieux que {thing} le dimanche",
            "Il pleut sur {city}, évidemment",
        ],
    },
    Language {
        code: "de",
        countries: &["Germany", "Austria", "Switzerland"],
        things: &["Kaffee", "Flohmarkt", "Currywurst", "Konzert", "Buchladen", "Fußball"],
        texts: &[
            "Guten Morgen, {city}! {tag}",
            "Jemand Lust auf {thing} heute Abend in {city}?",
            "{thing} in {city} gefunden, sehr schön {tag}",
            "Schon wieder Stau in {city}",
            "Das Licht über {city} gerade {tag}",
            "Zug hat 20 Minuten Verspätung. Grüße aus {city}",
            "Sonntag, Regen, {thing}. Mehr brauche ich nicht",
        ],
    },
    Language {
        code: "it",
        countries: &["Italy"],
        things: &[
            "un gelato",
            "il mercato",
            "una libreria",
            "un concerto",
            "un caffè",
            "la partita",
        ],
        texts: &[
            "Buongiorno {city} {tag}",
            "Chi viene per {thing} stasera a {city}?",
            "Trovato {thing} in centro a {city} {tag}",
            "Traffico fermo a {city}, di nuovo",
            "Che luce su {city} {tag}",
            "Niente di meglio che {thing} la domenica",
        ],
    },
    Language {
        code: "ja",
        countries: &["Japan"],
        things: &["ラーメン", "本屋", "喫茶店", "ライブ", "お祭り", "市場"],
        texts: &[
            "おはよう、{city}！ {tag}",
            "{city}でいい{thing}を見つけた {tag}",
            "今夜{city}で{thing}に行く人いる？",
            "{city}は雨です",
            "電車が遅れている。{city}",
            "{city}の夕焼けがきれい {tag}",
        ],
    },
    Language {
        code: "id",
        countries: &["Indonesia"],
        things: &["nasi goreng", "kopi", "pasar malam", "toko buku", "konser", "sate"],
        texts: &[
            "Selamat pagi {city} {tag}",
            "Ada yang mau {thing} malam ini di {city}?",
            "Ketemu {thing} enak di {city} {tag}",
            "Macet lagi di {city}",
            "Hujan deras di {city}",
            "Senja di {city} {tag}",
        ],
    },
    Language {
        code: "ru",
        countries: &["Russia", "Belarus", "Kazakhstan"],
        things: &["кофе", "концерт", "книжный магазин", "рынок", "футбол", "пельмени"],
        texts: &[
            "Доброе утро, {city}! {tag}",
            "Кто сегодня вечером за {thing}? {city}",
            "Опять пробки, {city}",
            "Какой закат над городом {city} {tag}",
            "Дождь, {thing} и хорошая книга {tag}",
            "Поезд опаздывает на 20 минут. {city}",
        ],
    },
    Language {
        code: "zh",
        countries: &["China", "Taiwan"],
        things: &["火锅", "咖啡", "书店", "夜市", "音乐会", "饺子"],
        texts: &[
            "早上好，{city}！ {tag}",
            "今晚在{city}有人去{thing}吗？",
            "在{city}发现了很好的{thing} {tag}",
            "{city}又堵车了",
            "{city}下雨了，没带伞",
            "{city}的日落 {tag}",
        ],
    },
];
