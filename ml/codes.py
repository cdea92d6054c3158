"""Catalogue of the codes of films: of those that decoding and the model's gate can refuse by themselves.

How to add a code is said in :mod:`screening.codes`, which has the codes of everything else.
"""

from __future__ import annotations

from ml.errors import FilmCode, catalogue

# By the file's first bytes and its header.
EMPTY_FILE = FilmCode(
    "empty_file",
    "intake",
    "The file is empty; export it again from where it came from.",
    "the file has no bytes; export it again",
)
UNSUPPORTED_KIND = FilmCode(
    "unsupported_kind",
    "intake",
    "This is none of DICOM, PNG, JPEG, TIFF and WebP by its content, whatever its name says; "
    "export the film in one of these formats.",
    "the content is in no format that is supported; export it as DICOM or PNG",
)
KNOWN_BUT_NOT_READ = UNSUPPORTED_KIND.variant("This is {name}, which is not read here; {advice}.")
TEXT_FILE = UNSUPPORTED_KIND.variant("This is text by its content, not a film; {advice}.")
NO_PICTURE_DESCRIBED = UNSUPPORTED_KIND.variant(
    "This begins like a DICOM data set but describes no picture; export the film as DICOM, PNG, JPEG, TIFF or WebP."
)
UNSUPPORTED_COMPRESSION = FilmCode(
    "unsupported_compression",
    "intake",
    "The {kind} file is compressed as {name}, which is not read here; {advice}.",
    "the pixels are compressed in a way that is not read here; save the film as PNG or export it uncompressed",
)
UNSUPPORTED_LAYOUT = FilmCode(
    "unsupported_layout",
    "intake",
    "The {kind} file has {what}, which is not read here; save the film in grey with 8 or 16 bits.",
    "the pixels have a number of bits or samples that is not read here; save the film in grey with 8 or 16 bits",
)
ONE_BIT = FilmCode(
    "one_bit",
    "intake",
    "The picture has 1 bit per pixel, only black and white, like a scanned text or a mask; export the film with its "
    "grey levels.",
    "only black and white without grey levels; export the film with 8 bits or more",
)
TOO_SMALL = FilmCode(
    "too_small",
    "intake",
    "The film is {width} × {height} pixels; at least {min_side} on each side are needed.",
    "fewer pixels than a film needs; send the original, not a preview",
)
TOO_MANY_PIXELS = FilmCode(
    "too_many_pixels",
    "intake",
    "The film declares {width} × {height} pixels; at most {max_megapixels} million are accepted.",
    "the header declares more pixels than are accepted; export it smaller",
)
TOO_LARGE_UNPACKED = FilmCode(
    "too_large_unpacked",
    "intake",
    "The deflated DICOM file unpacks to more than {max_megabytes} MB, which no film needs; export it uncompressed.",
    "a deflated DICOM file that unpacks to more bytes than any film has; export it uncompressed",
)
MULTI_FRAME = FilmCode(
    "multi_frame",
    "intake",
    "The file holds more than one picture; send each film as a file of its own.",
    "more than one picture in the file; send each film as a file of its own",
)
DICOMDIR = FilmCode(
    "dicomdir",
    "intake",
    "This is a DICOMDIR, the index of a study, and names {images}; films are read from their own files, so send the "
    "whole folder.",
    "the index of a study, which holds no films; send the folder",
)
ATTRIBUTE_MISSING = FilmCode(
    "attribute_missing",
    "intake",
    "The DICOM header lacks {attribute}, without which the pixels cannot be read; export the film again.",
    "the DICOM header lacks an attribute that describes the pixels; export the film again",
)
ATTRIBUTE_UNUSABLE = ATTRIBUTE_MISSING.variant(
    "The DICOM header has a value of {attribute} that is not read here; export the film again with 8 or 16 bits."
)
ATTRIBUTE_UNKNOWN = ATTRIBUTE_MISSING.variant(
    "The DICOM header has a value of {attribute} that is not known, so its pixels cannot be read; export it again."
)
NO_PIXELS = FilmCode(
    "no_pixels",
    "intake",
    "This DICOM file holds no picture ({what}); send the files of the films.",
    "a DICOM file without a picture, such as a report; send the films",
)
DAMAGED_HEADER = FilmCode(
    "damaged_header",
    "intake",
    "The {kind} header cannot be read; the file is damaged or cut short.",
    "the header cannot be read, or the file was cut short; send or export it again",
)
CUT_SHORT = DAMAGED_HEADER.variant("The DICOM file ends before its pixels; it was cut short, send it again.")
ARCHIVE = FilmCode(
    "archive",
    "intake",
    "This is a ZIP archive, not a film; its files are taken out and read one by one.",
    "an archive where a film was expected; send it on the upload page",
)
NOT_A_RADIOGRAPH = FilmCode(
    "not_a_radiograph",
    "intake",
    "Its DICOM header says modality {modality}; only projection radiographs (CR, DX, RG) are screened.",
    "the header says that it is no projection radiograph (CR, DX, RG)",
)
NOT_A_CHEST = FilmCode(
    "not_a_chest",
    "intake",
    "Its DICOM header names another body part ({body_part}); only chest films are screened.",
    "the header names another part of the body",
)
LATERAL_VIEW = FilmCode(
    "lateral_view",
    "intake",
    "Its DICOM header says view {view}; the model knows frontal films (PA, AP) only.",
    "a lateral film; the model was trained on frontal films",
)

# By the pixels.
DAMAGED_PIXELS = FilmCode(
    "damaged_pixels",
    "worker",
    "The pixels cannot be decoded; the file is damaged or cut short.",
    "the pixels cannot be decoded; send or export it again",
)
NESTED_TOO_DEEPLY = DAMAGED_PIXELS.variant("The film is nested too deeply to be read; the file is damaged.")
BLANK_FILM = FilmCode(
    "blank_film",
    "worker",
    "Every pixel has the same value; there is nothing to look at.",
    "every pixel has the same value",
)

# By the model's gate.
LOOKS_LATERAL = LATERAL_VIEW.variant(
    "Not scored: this looks like a lateral film; the model knows frontal films (PA, AP) only.", "gate"
)
CT_SLICE = FilmCode(
    "ct_slice",
    "gate",
    "Not scored: this looks like a CT slice; only projection radiographs are scored.",
    "looks like a CT slice",
)
NOT_A_CHEST_FILM = FilmCode(
    "not_a_chest_film",
    "gate",
    "Not scored: this does not look like a chest radiograph.",
    "does not look like a chest film",
)
SEVERAL_FILMS = FilmCode(
    "several_films",
    "gate",
    "Not scored: there seems to be more than one film in the picture; send each as its own file.",
    "more than one film in the picture; send each as a file of its own",
)
SCREENSHOT = FilmCode(
    "screenshot",
    "gate",
    "Not scored: this looks like a screenshot or a photo of a screen; export the film itself.",
    "a screenshot or a photograph of a screen; export the film itself",
)
UPSIDE_DOWN = FilmCode(
    "upside_down",
    "gate",
    "Not scored: the film is upside down; turn it upright and send it again.",
    "the film is upside down; turn it upright",
)
TURNED = FilmCode(
    "turned",
    "gate",
    "Not scored: the film lies on its side; turn it upright and send it again.",
    "the film lies on its side; turn it upright",
)
MIRRORED = FilmCode(
    "mirrored",
    "gate",
    "Not scored: the film seems mirrored, its heart lies on the right; if it is, flip it and send it again.",
    "the heart is on the right side; flip the film if it is mirrored",
)
INVERTED = FilmCode(
    "inverted",
    "gate",
    "Not scored: black and white seem exchanged, and turning them back did not give a chest film.",
    "black and white are exchanged, and inverting the film did not give a chest film",
)
TOO_DARK = FilmCode(
    "too_dark",
    "gate",
    "Not scored: the picture is almost black; export it with its window applied.",
    "almost black; export it with its window applied",
)
SATURATED = FilmCode(
    "saturated",
    "gate",
    "Not scored: the picture is almost white; export it with its window applied.",
    "almost white; export it with its window applied",
)

# Elsewhere.
TOO_DEEP = FilmCode(
    "too_deep",
    "viewer",
    "The film is too large to be shown at its full depth here.",
    "the viewer cannot show it at its full depth; the score is not affected",
)
UNREADABLE_FILE = FilmCode(
    "unreadable_file",
    "command",
    "The file cannot be read: {error}.",
    "only from `python -m ml.predict`: the file cannot be read from the disk",
)

FILM_CODES = catalogue(globals(), FilmCode)
