#!/usr/bin/env python3
"""Makes the fonts of this folder from the ones that Debian packages (fonts-inter 3.19, fonts-jetbrains-mono 2.242).

    pip install fonttools
    python3 subset.py /usr/share/fonts

Keeps Latin, Greek, Cyrillic, punctuation, arrows, mathematical signs, boxes and shapes. In Inter the digits are
replaced by the font's own tabular ones (its feature `tnum`), since egui cannot ask for a feature and tables need them.
"""
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

RANGES = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x2B0, 0x36F),  # Latin
    (0x370, 0x3FF), (0x400, 0x52F), (0x1E00, 0x1EFF),  # Greek, Cyrillic, Vietnamese
    (0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20BF),  # punctuation, small digits, currencies
    (0x2100, 0x218F), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2300, 0x23FF),  # letters, arrows, mathematics, technical
    (0x2460, 0x249B), (0x2500, 0x25FF), (0x2600, 0x27BF), (0xFB00, 0xFB04), (0xFFFD, 0xFFFD),  # boxes, shapes, signs
]
FONTS = [
    "opentype/inter/Inter-Regular.otf",
    "opentype/inter/Inter-SemiBold.otf",
    "truetype/jetbrains-mono/JetBrainsMono-Regular.ttf",
]


def tabular_digits(font):
    """Draws 0 to 9 with the glyphs that the feature `tnum` would choose."""
    table = font["GSUB"].table
    chosen = {}
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for index in record.Feature.LookupListIndex:
                for part in table.LookupList.Lookup[index].SubTable:
                    chosen.update(getattr(part, "ExtSubTable", part).mapping)
    for cmap in font["cmap"].tables:
        for digit in range(0x30, 0x3A):
            if digit in cmap.cmap:
                cmap.cmap[digit] = chosen.get(cmap.cmap[digit], cmap.cmap[digit])


def main(folder):
    for name in FONTS:
        font = TTFont(folder / name, recalcTimestamp=False)
        if "Inter" in name:
            tabular_digits(font)
        options = subset.Options(layout_features=["kern", "mark", "mkmk", "ccmp", "locl"], name_IDs=["*"])
        options.recalc_timestamp = False
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=[c for start, end in RANGES for c in range(start, end + 1)])
        subsetter.subset(font)
        target = Path(__file__).parent / Path(name).name
        font.save(target)
        print(f"{target.name}: {target.stat().st_size} bytes, {len(font.getBestCmap())} characters")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
