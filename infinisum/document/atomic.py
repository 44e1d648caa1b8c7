"""The old place of `infinisum.atomic`."""

from infinisum.atomic import check_writable, write_atomically

__all__ = ["check_writable", "write_atomically"]
