"""The twelve CREMA-D sentences as phonemes, and what each phoneme sounds and looks like.

Phonemes are ARPAbet; a 1 marks a stressed vowel. Vowel formants are a man's averages of Peterson &
Barney (1952), consonants follow the tables of Klatt (1980) in spirit. Visemes are the fifteen
classes common in facial animation.
"""

from __future__ import annotations

from dataclasses import dataclass

VISEMES = (
    "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U",
)  # fmt: skip

TEXTS = {
    "DFA": "Don't forget a jacket",
    "IEO": "It's eleven o'clock",
    "IOM": "I'm on my way to the meeting",
    "ITH": "I think I have a doctor's appointment",
    "ITS": "I think I've seen this before",
    "IWL": "I would like a new alarm clock",
    "IWW": "I wonder what this is about",
    "MTI": "Maybe tomorrow it will be cold",
    "TAI": "The airplane is almost full",
    "TIE": "That is exactly what happened",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}

SENTENCES = {
    "DFA": "D OW1 N T F ER G EH1 T AX JH AE1 K AX T",
    "IEO": "IH T S IH L EH1 V AX N AX K L AA1 K",
    "IOM": "AY1 M AA N M AY W EY1 T AX DH AX M IY1 T IH NG",
    "ITH": "AY TH IH1 NG K AY HH AE V AX D AA1 K T ER Z AX P OY1 N T M AX N T",
    "ITS": "AY TH IH1 NG K AY V S IY1 N DH IH S B IH F AO1 R",
    "IWL": "AY W UH D L AY1 K AX N UW1 AX L AA1 R M K L AA1 K",
    "IWW": "AY W AH1 N D ER W AH T DH IH S IH Z AX B AW1 T",
    "MTI": "M EY1 B IY T AX M AA1 R OW IH T W IH L B IY K OW1 L D",
    "TAI": "DH IY EH1 R P L EY N IH Z AO1 L M OW S T F UH1 L",
    "TIE": "DH AE1 T IH Z IH G Z AE1 K T L IY W AH T HH AE1 P AX N D",
    "TSI": "DH AX S ER1 F AX S IH Z S L IH1 K",
    "WSI": "W IY L S T AA1 P IH N AX K AH1 P AX L AX V M IH1 N AX T S",
}


@dataclass(frozen=True)
class Sound:
    """One steady target of speech and mouth.

    ms           length at a calm tempo
    formants     first three resonances of a man's vocal tract, Hz
    voice        level of the voiced source, 0..1; breath the same for aspiration
    noise        level of frication or burst, around `pitch` Hz with width `spread` Hz
    open         jaw and lip opening, 1 is a stressed AA; width -1 (pursed) to 1 (spread); round 0..1
    weight       how strongly the mouth insists on this shape against its neighbours
    """

    viseme: str
    ms: float
    formants: tuple[float, float, float]
    voice: float
    open: float
    width: float
    round: float = 0.0
    weight: float = 1.0
    breath: float = 0.0
    noise: float = 0.0
    pitch: float = 4000.0
    spread: float = 1500.0
    tongue: float = 0.0
    stop: bool = False


def _vowel(
    viseme: str, ms: float, formants: tuple[float, float, float], shape: tuple[float, float, float]
) -> Sound:
    return Sound(viseme, ms, formants, 1.0, *shape)


def _stop(
    viseme: str, ms: float, formants: tuple[float, float, float], voice: float, **more: float
) -> Sound:
    return Sound(viseme, ms, formants, voice, stop=True, **more)


SOUNDS = {
    "SIL": Sound("sil", 300, (500, 1500, 2500), 0, 0, 0, weight=0.6),
    "IY": _vowel("I", 105, (270, 2290, 3010), (0.30, 0.95, 0)),
    "IH": _vowel("I", 78, (390, 1990, 2550), (0.40, 0.55, 0)),
    "EH": _vowel("E", 98, (530, 1840, 2480), (0.62, 0.50, 0)),
    "AE": _vowel("aa", 120, (660, 1720, 2410), (0.82, 0.60, 0)),
    "AA": _vowel("aa", 125, (730, 1090, 2440), (1.00, 0.10, 0)),
    "AO": _vowel("O", 120, (570, 840, 2410), (0.80, -0.45, 0.6)),
    "AH": _vowel("aa", 90, (640, 1190, 2390), (0.70, 0.05, 0)),
    "AX": _vowel("E", 58, (500, 1400, 2400), (0.42, 0.05, 0)),
    "UH": _vowel("U", 82, (440, 1020, 2240), (0.38, -0.45, 0.5)),
    "UW": _vowel("U", 105, (300, 870, 2240), (0.24, -0.90, 1.0)),
    "ER": _vowel("RR", 105, (490, 1350, 1690), (0.36, -0.30, 0.4)),
    "OO": _vowel("O", 80, (500, 900, 2350), (0.62, -0.60, 0.8)),
    "L": Sound("nn", 62, (360, 1100, 2600), 0.75, 0.34, 0.10, weight=0.5, tongue=1),
    "R": Sound("RR", 62, (330, 1060, 1500), 0.75, 0.26, -0.50, 0.5, weight=0.8),
    "W": Sound("U", 62, (290, 610, 2150), 0.65, 0.10, -1.00, 1.0, weight=1.6),
    "M": Sound("PP", 72, (250, 1100, 2200), 0.42, 0.0, 0.0, weight=4.0),
    "N": Sound("nn", 62, (270, 1500, 2500), 0.42, 0.18, 0.10, weight=0.6, tongue=0.8),
    "NG": Sound("kk", 72, (280, 1900, 2500), 0.42, 0.24, 0.10, weight=0.6),
    "V": Sound("FF", 58, (300, 1150, 2300), 0.35, 0.05, 0.15, weight=2.2, noise=0.05, pitch=4500, spread=3000),
    "DH": Sound("TH", 48, (300, 1500, 2500), 0.35, 0.18, 0.10, weight=0.9, noise=0.03, pitch=5000, spread=3000, tongue=1),
    "Z": Sound("SS", 78, (300, 1600, 2500), 0.28, 0.10, 0.50, weight=1.2, noise=0.12, pitch=5800, spread=1400),
    "S": Sound("SS", 98, (320, 1600, 2500), 0.0, 0.10, 0.50, weight=1.2, noise=0.22, pitch=5800, spread=1400),
    "F": Sound("FF", 92, (300, 1150, 2300), 0.0, 0.05, 0.15, weight=2.2, noise=0.10, pitch=4500, spread=3500),
    "TH": Sound("TH", 88, (320, 1400, 2500), 0.0, 0.18, 0.10, weight=0.9, noise=0.09, pitch=5300, spread=3500, tongue=1),
    "HH": Sound("sil", 55, (500, 1500, 2500), 0.0, 0.42, 0.05, weight=0.3, breath=0.35),
    "JH": _stop("CH", 92, (300, 1800, 2500), 0.25, open=0.16, width=-0.45, round=0.5, weight=1.2, noise=0.24, pitch=3000, spread=1100),
    "P": _stop("PP", 88, (300, 900, 2200), 0.0, open=0.0, width=0.0, weight=4.0, noise=0.22, pitch=900, spread=900),
    "B": _stop("PP", 72, (250, 900, 2200), 0.18, open=0.0, width=0.0, weight=4.0, noise=0.14, pitch=800, spread=800),
    "T": _stop("DD", 78, (300, 1700, 2600), 0.0, open=0.14, width=0.2, weight=0.8, noise=0.30, pitch=4300, spread=1800, tongue=0.6),
    "D": _stop("DD", 62, (280, 1700, 2600), 0.18, open=0.16, width=0.15, weight=0.8, noise=0.16, pitch=3800, spread=1600, tongue=0.6),
    "K": _stop("kk", 88, (300, 1900, 2400), 0.0, open=0.26, width=0.05, weight=0.5, noise=0.28, pitch=2000, spread=800),
    "G": _stop("kk", 68, (280, 1900, 2400), 0.18, open=0.26, width=0.05, weight=0.5, noise=0.16, pitch=1900, spread=800),
}  # fmt: skip

GLIDES = {
    "AY": ("AA", "IH"),
    "AW": ("AA", "UH"),
    "EY": ("EH", "IY"),
    "OW": ("OO", "UW"),
    "OY": ("AO", "IY"),
}
"""Diphthongs: two targets under one name."""

PHONEMES = tuple(sorted({*SOUNDS, *GLIDES} - {"OO", "SIL"}))
PHONEMES = ("SIL", *PHONEMES)
"""Index 0 is silence; `phonemes` annotations count in this order."""
