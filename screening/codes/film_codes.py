"""Catalogue of the codes of files and films that ``ml`` does not raise itself; :data:`FILM_CODES` has them all."""

from __future__ import annotations

from ml import codes
from ml.errors import FilmCode, catalogue

DAMAGED_STRUCTURE = codes.DAMAGED_HEADER.variant(
    "The structure of the {kind} file cannot be read; it is damaged or cut short."
)
FILE_TOO_LARGE = FilmCode(
    "file_too_large",
    "intake",
    "The file has {size:,} bytes; at most {most:,} are accepted.",
    "more bytes than a file may have; export it with fewer pixels or fewer bits",
)
MEMBER_TOO_LARGE = FILE_TOO_LARGE.variant("Unpacked, the file has {size:,} bytes; at most {most:,} are accepted.")
DUPLICATE = FilmCode(
    "duplicate",
    "intake",
    "The same bytes are in this batch already, as {name}.",
    "the same bytes are in this batch already; nothing to do",
)
HELPER_FILE = FilmCode(
    "helper_file",
    "note",
    "Skipped: the name is that of a helper file ({kind}), as operating systems and storage devices write them. If "
    "this is a film, rename it and send it again.",
    "not a refusal: a helper file of an operating system or a hidden file was skipped, and has no row",
)

# Archives.
UNPACKED = FilmCode(
    "unpacked",
    "note",
    "Unpacked: {files}, {accepted:,} taken, {refused:,} refused.",
    "not a refusal: the files of the archive have rows of their own",
)
UNPACKED_IN_PART = UNPACKED.variant(
    "Unpacked: {files}, {accepted:,} taken, {refused:,} refused. Skipped helper files: {skipped}."
)
ARCHIVE_EMPTY = FilmCode(
    "archive_empty",
    "intake",
    "The archive holds no file of yours; pack the films again.",
    "no file in the archive",
)
ARCHIVE_DAMAGED = FilmCode(
    "archive_damaged",
    "intake",
    "The archive is damaged or cut short: {why}; send it or pack it again.",
    "damaged or cut short; send it or pack it again",
)
ARCHIVE_ENCRYPTED = FilmCode(
    "archive_encrypted",
    "intake",
    "The archive is encrypted; pack the films again without a password.",
    "encrypted; pack it without a password",
)
ARCHIVE_KIND = FilmCode(
    "archive_kind",
    "intake",
    "This is a document or a program that is a ZIP inside, no archive of films; send the films.",
    "a document or program in ZIP format; send the films",
)
ARCHIVE_SPLIT = FilmCode(
    "archive_split",
    "intake",
    "This is one part of a split archive; join the parts into one ZIP file, or pack the films again without "
    "splitting.",
    "one part of a split archive (`.z01`, `.zip.001`); join the parts, or pack again without splitting",
)
ARCHIVE_OVERLAP = FilmCode(
    "archive_overlap",
    "intake",
    "Files in this archive share the same bytes, which no ZIP program makes; pack the films again.",
    "files in the archive share bytes, which no ZIP program produces",
)
ARCHIVE_RATIO = FilmCode(
    "archive_ratio",
    "intake",
    "Unpacked, the archive has more than {ratio} times its bytes, as no films do; send the files that are films by "
    "themselves.",
    "unpacks to far more bytes than films do; send the films without an archive",
)
ARCHIVE_TOO_LARGE = FilmCode(
    "archive_too_large",
    "intake",
    "Unpacked, the archive has {size:,} bytes; at most {most:,} are accepted, those of archives inside it among "
    "them. Send several smaller archives.",
    "unpacks to more bytes than are accepted; send smaller archives",
)
ARCHIVE_TOO_MANY_MEMBERS = FilmCode(
    "archive_too_many_members",
    "intake",
    "The archive lists {entries:,} files and folders; at most {most:,} are accepted, those of archives inside it "
    "among them. Send several smaller archives.",
    "more files than are accepted; send smaller archives",
)
ARCHIVE_TOO_DEEP = FilmCode(
    "archive_too_deep",
    "intake",
    "This is an archive in an archive in an archive; send it by itself, or unpack it first.",
    "archives are nested more than one level deep; unpack them first",
)
MEMBER_DAMAGED = FilmCode(
    "member_damaged",
    "intake",
    "This file of the archive cannot be unpacked: it is damaged or cut short; pack it again.",
    "this file of an archive cannot be unpacked; pack it again",
)
MEMBER_ENCRYPTED = FilmCode(
    "member_encrypted",
    "intake",
    "This file of the archive is encrypted; pack it again without a password.",
    "this file of an archive is encrypted; pack it without a password",
)
MEMBER_COMPRESSION = FilmCode(
    "member_compression",
    "intake",
    "This file is packed by a method that is not read here; pack it again with the usual one (Deflate).",
    "packed by a method that is not supported; use the usual one (deflate)",
)
MEMBER_STREAMED = FilmCode(
    "member_streamed",
    "intake",
    "This file was packed as a stream, and the archive does not state its size; pack it again with another program, "
    "or send it by itself.",
    "packed as a stream without its size; pack it again with another program",
)
MEMBER_LINK = FilmCode(
    "member_link",
    "intake",
    "This is a link or a device, no file; pack the file that it stands for in its place.",
    "a link, not a file; pack the file that it points to",
)
MEMBER_PATH = FilmCode(
    "member_path",
    "intake",
    "Its name in the archive is no path below the archive's own folder, or none at all; pack it again from the "
    "folder it lies in.",
    "a name that points outside the archive; pack it from its own folder",
)
MEMBER_RATIO = FilmCode(
    "member_ratio",
    "intake",
    "Unpacked, the file has more than {ratio} times its bytes in the archive, as no film does; if it is one, send it "
    "by itself.",
    "unpacks to far more bytes than a film has; send it without an archive",
)

# A request's refusal that ends an archive, or one file of it: the detail is that of the request.
QUOTA_FILES = FilmCode(
    "quota_files",
    "worker",
    "{why} Before that: {summary}",
    "you have sent as many files as you may; ask your administrator",
)
QUOTA_BYTES = FilmCode(
    "quota_bytes",
    "intake",
    "{why}",
    "your storage quota is used up; ask your administrator",
)
BATCH_CANCELLED = FilmCode(
    "batch_cancelled",
    "sender",
    "The batch was cancelled before a worker took this film.",
    "the batch was cancelled first; open a new one",
)
ARCHIVE_CANCELLED = BATCH_CANCELLED.variant("{why} Before that: {summary}")

# Workers.
TOOK_TOO_LONG = FilmCode(
    "took_too_long",
    "worker",
    "Screening this film took longer than it may, three times.",
    "three attempts took longer than the time limit",
)
UNPACKING_TOOK_TOO_LONG = TOOK_TOO_LONG.variant(
    "Unpacking one file of this archive took longer than it may, three times."
)
RENDERING_TOOK_TOO_LONG = TOOK_TOO_LONG.variant("Rendering this film takes longer than it may.", "viewer")
TOO_MUCH_MEMORY = FilmCode(
    "too_much_memory",
    "worker",
    "It takes more memory than a worker process may use; send it with fewer pixels, or have WORKER_MEMORY_MB raised.",
    "needs more memory than a worker may use; send it with fewer pixels",
)
WORKER_LOST = FilmCode(
    "worker_lost",
    "sweep",
    "The process that screened this film died {attempts} times; the film may be what kills it.",
    "the worker process died three times on this file; tell your administrator",
)
WORKER_ERROR = FilmCode(
    "worker_error",
    "worker",
    "Screening failed three times, last with {error}.",
    "three attempts ended in an error; tell your administrator",
)
RENDERING_LOST = FilmCode(
    "rendering_lost",
    "viewer",
    "The process that rendered this film died each time.",
    "the viewer cannot show it at its full depth, because the process that prepared it died; the score is not "
    "affected",
)

FILM_CODES = {**codes.FILM_CODES, **catalogue(globals(), FilmCode)}
