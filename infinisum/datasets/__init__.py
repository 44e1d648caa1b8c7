"""Data sets of texts with summaries, in the layouts people have them in.

`read_documents` is all that training and evaluation need to know of them.
"""

from infinisum.datasets.document import Document, Missing
from infinisum.datasets.reader import find_data_set, read_documents, scan

__all__ = ["Document", "Missing", "find_data_set", "read_documents", "scan"]
