"""Reading books: EPUB, PDF, HTML, Markdown and plain text become one `Book`."""

from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.books.reader import read_book

__all__ = ["Book", "Chapter", "LeftOut", "Paragraph", "read_book"]
